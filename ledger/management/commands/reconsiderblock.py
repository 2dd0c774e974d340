"""`manage.py reconsiderblock HASH`: take back what `invalidateblock` did."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ledger.management.base import NodeCommand
from ledger.node import lifecycle, operator


class Command(NodeCommand):
    help = (
        "Lift the marks on a block, its ancestors and its descendants; the chain goes back to the"
        " longest stored branch."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("hash", metavar="HASH")

    def run(self, **options: Any) -> None:
        with lifecycle.running():
            self.stdout.write(str(operator.reconsider_block(options["hash"])))
