"""`manage.py droptransaction ID --reason TEXT`: take a transaction out of the pool."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ledger.management.base import NodeCommand
from ledger.node import lifecycle, operator


class Command(NodeCommand):
    help = "Refuse a transaction that waits in the pool. It stays known, with the reason."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", metavar="ID")
        parser.add_argument("--reason", required=True, help="why; its page shows it")

    def run(self, **options: Any) -> None:
        with lifecycle.running():
            self.stdout.write(str(operator.drop_transaction(options["id"], options["reason"])))
