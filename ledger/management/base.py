"""What this project's commands share."""

from __future__ import annotations

from typing import Any, Final

from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError

from ledger.consensus import Refused
from ledger.management.opening import failures_in_words, open_database
from ledger.node.errors import NodeError

AT_START: Final = ("node", Tags.security)
"""The system checks that look at this machine and its settings. The others look at the code, which
is as it was when the tests ran, and load all of it for that."""


class NodeCommand(BaseCommand):
    """A command on this node's data folder, beside the running node or without it.

    Makes the tables where there are none yet, and turns what the node refuses into a plain message
    and exit code 1. Subclasses write `run`.
    """

    requires_system_checks = AT_START

    def handle(self, *args: Any, **options: Any) -> str | None:
        open_database()
        try:
            with failures_in_words():
                self.run(**options)
        except (NodeError, Refused, OSError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            raise CommandError("stopped") from None
        return None

    def run(self, **options: Any) -> None:
        raise CommandError("this command does nothing")
