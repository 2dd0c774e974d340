"""What this project's commands share."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ledger.consensus import Refused
from ledger.management.opening import failures_in_words, open_database
from ledger.node.errors import NodeError


class NodeCommand(BaseCommand):
    """A command on this node's data folder, beside the running node or without it.

    Makes the tables where there are none yet, and turns what the node refuses into a plain message
    and exit code 1. Subclasses write `run`.
    """

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
