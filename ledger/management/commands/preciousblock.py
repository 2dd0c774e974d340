"""`manage.py preciousblock HASH`: follow a side branch that is as long as the active chain."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ledger.management.base import NodeCommand
from ledger.node import lifecycle, operator


class Command(NodeCommand):
    help = "Make the branch that ends in a block the active chain, if it is as long."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("hash", metavar="HASH")

    def run(self, **options: Any) -> None:
        with lifecycle.running():
            self.stdout.write(str(operator.prefer_block(options["hash"])))
