"""`manage.py mine [N]`: mine blocks; a running node's pages show them."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from ledger.management.base import NodeCommand
from ledger.management.progress import block_progress
from ledger.node import lifecycle


def _count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 10_000_000:
        raise ArgumentTypeError("a number from 1 on")
    return int(text)


class Command(NodeCommand):
    help = "Mine N blocks (1 if not given) from the pool, each with its reward."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("count", nargs="?", type=_count, default=1, metavar="N")

    def run(self, **options: Any) -> None:
        with (
            lifecycle.running() as node,
            block_progress(self.stderr, "mining", options["count"]) as advance,
        ):
            for _ in range(options["count"]):
                block = node.work.mine().block.result()
                advance()
                self.stdout.write(
                    f"block {block.index}: {len(block.transactions)} transactions,"
                    f" proof {block.proof}, hash {block.hash}"
                )
