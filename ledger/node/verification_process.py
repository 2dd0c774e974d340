"""Verification in a process of its own, so that nothing in this one waits for it.

Checking a long chain keeps a processor busy for seconds; in a thread it would take the interpreter
away from the event loop and the writer. The child (`verification_child`) reads one moment of the
same database, or of another file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from django.conf import settings
from django.db import connection

from .errors import NodeError
from .outcomes import Verified
from .verification import Fault

_ROOT: Final = Path(__file__).resolve().parents[2]


def verify_apart(
    *,
    database: Path | None = None,
    migrate: bool = False,
    last: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verified:
    """Check this node's database, or the one in a file of its own, which may be migrated first.

    `last` and `progress` as in `verification.verify`. Raises `NodeError` if the child fails.
    """
    which = ["--file", str(database)] if database else [str(connection.settings_dict["NAME"])]
    which += ["--migrate"] if migrate else []
    which += [] if last is None else ["--last", str(last)]
    begun = time.monotonic()
    report = _ask_child(which, progress)
    faults = tuple(Fault(**fault) for fault in report.pop("faults"))
    return Verified(**report, faults=faults, seconds=time.monotonic() - begun)


def make_tables(database: Path) -> None:
    """Make the tables in an empty file, in a process that may take it for its own database."""
    _ask_child(["--file", str(database), "--tables-only"], None)


def _ask_child(arguments: list[str], progress: Callable[[int, int], None] | None) -> dict[str, Any]:
    command = [sys.executable, "-m", "ledger.node.verification_child", *arguments]
    # Its complaints go into a file: in a pipe, many of them would stop it while we read the other.
    with (
        tempfile.TemporaryFile("w+", errors="replace") as complaints,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            env=_environment(),
        ) as child,
    ):
        try:
            assert child.stdout is not None
            report = _read(child.stdout, progress)
            child.wait()
            complaints.seek(0)
            complaint = complaints.read()
        except BaseException:
            child.kill()
            raise
    if report is None:
        last_line = (complaint.strip().splitlines() or ["it said nothing"])[-1]
        raise NodeError(f"the verification ended without a result: {last_line}")
    return report


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    return {
        **os.environ,
        "PYTHONPATH": path,
        "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
    }


def _read(lines: IO[str], progress: Callable[[int, int], None] | None) -> dict[str, Any] | None:
    """Pass progress on; answer the report, or None if the child ended without one."""
    for line in lines:
        message: dict[str, Any] = json.loads(line)
        if "report" in message:
            report: dict[str, Any] = message["report"]
            return report
        if progress:
            progress(message["done"], message["total"])
    return None
