"""`manage.py invalidateblock HASH`: have the chain reorganise as if a block were invalid."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ledger.management.base import NodeCommand
from ledger.node import lifecycle, operator


class Command(NodeCommand):
    help = (
        "Mark a block invalid: the chain goes on with the longest stored branch without it, and"
        " chains that hold it are refused. `reconsiderblock` takes it back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("hash", metavar="HASH")
        parser.add_argument("--reason", default="", help="why; everybody can read it")

    def run(self, **options: Any) -> None:
        with lifecycle.running():
            self.stdout.write(str(operator.invalidate_block(options["hash"], options["reason"])))
