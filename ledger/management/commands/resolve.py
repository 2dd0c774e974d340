"""`manage.py resolve`: ask all peers for their chains and follow the longest valid one."""

from __future__ import annotations

from typing import Any

from ledger.management.base import NodeCommand
from ledger.node import lifecycle


class Command(NodeCommand):
    help = "Ask every registered peer for its chain; the longest valid one replaces ours if longer."

    def run(self, **options: Any) -> None:
        with lifecycle.running() as node:
            done = node.work.resolve().result()
        for report in done.reports:
            said = report.failure or f"{report.length} blocks, valid"
            self.stdout.write(f"{report.address}: {said}")
        if done.switch is None:
            self.stdout.write("Our chain is authoritative")
            return
        switch = done.switch
        self.stdout.write(
            f"Our chain was replaced: {switch.disconnected} blocks went, {switch.connected} came"
            f" above {switch.fork_index}; {switch.returned} transactions returned to the pool"
        )
