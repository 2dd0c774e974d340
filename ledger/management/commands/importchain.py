"""`manage.py importchain FILE`: judge a chain from a file as if a peer had served it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from ledger.management.base import NodeCommand
from ledger.management.progress import byte_progress
from ledger.node import lifecycle, transfer


class Command(NodeCommand):
    help = "Read a chain from FILE ('-': standard input); adopt it if it is valid and longer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")

    def run(self, **options: Any) -> None:
        if options["file"] == "-":
            self._import(sys.stdin.buffer, "standard input", None)
            return
        path = Path(options["file"])
        with path.open("rb") as file:
            self._import(file, path.name, path.stat().st_size)

    def _import(self, file: IO[bytes], source: str, size: int | None) -> None:
        with (
            lifecycle.running() as node,
            byte_progress(self.stderr, "reading", size) as progress,
        ):
            switch, blocks = transfer.import_chain(
                file, source, node.identity, node.writer, node.conf, progress
            )
        if switch is None:
            self.stdout.write(f"our chain stays: the one in {source} has {blocks} blocks")
        else:
            self.stdout.write(
                f"adopted {blocks} blocks: {switch.disconnected} went, {switch.connected} came"
                f" above {switch.fork_index}; {switch.returned} transactions returned to the pool"
            )
