"""`manage.py cancelmining`: have the running node give up its search for a block."""

from __future__ import annotations

from typing import Any

from ledger.management.base import NodeCommand
from ledger.node import lifecycle, operator


class Command(NodeCommand):
    help = "Give up the search for a block that is under way on this data folder."

    def run(self, **options: Any) -> None:
        with lifecycle.running():
            operator.cancel_mining()
        self.stdout.write("A node that is searching for a block gives its search up.")
