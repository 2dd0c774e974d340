"""The child of `verification_process`: `python -m ledger.node.verification_child DATABASE`, a name
where this node's is, or `--file FILE`, one of SQLite's.

It writes lines of JSON to standard output: how far it is, now and then, and the report at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

import django
from django.conf import settings

if TYPE_CHECKING:
    from .verification import Report

_NICENESS: Final = 10
_FOR_SERVING: Final = {"daphne", "channels"}  # to load them takes longer than to check many chains


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("database", nargs="?")
    parser.add_argument("--file")
    parser.add_argument("--migrate", action="store_true")
    parser.add_argument("--tables-only", action="store_true")
    parser.add_argument("--last", type=int)
    options = parser.parse_args()
    os.nice(_NICENESS)
    if options.file:
        settings.DATABASES["default"] = {**settings.NODE_DATABASE_FILE, "NAME": options.file}
    else:
        settings.DATABASES["default"]["NAME"] = options.database
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app not in _FOR_SERVING]
    django.setup()
    from django.db import connection

    from . import verification

    if options.migrate or options.tables_only:
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
    if options.tables_only:
        connection.close()
        _say(report={})
        return
    report = verification.verify_at_once(
        lambda done, total: _say(done=done, total=total), last=options.last
    )
    connection.close()  # the file is alone then, without a log beside it
    _say(report=_plain(report))


def _plain(report: Report) -> dict[str, Any]:
    names = ("blocks", "stale", "transactions", "irregular", "supply")
    faults = [
        {name: getattr(fault, name) for name in ("invariant", "what", "repair", "index")}
        for fault in report.faults
    ]
    return {**{name: getattr(report, name) for name in names}, "faults": faults}


def _say(**message: Any) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
