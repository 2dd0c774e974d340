"""`manage.py repairchain [--from FILE]`: put right what `verifychain` found."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from django.core.management.base import CommandError

from ledger.consensus import Block, read_chain
from ledger.management.base import NodeCommand
from ledger.node import conf, lifecycle, repair


class Command(NodeCommand):
    help = (
        "Rebuild the tables from the blocks' texts, and replace or set aside damaged blocks."
        " Stop the node first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from", dest="file", metavar="FILE", help="an exported chain to take good copies from"
        )

    def run(self, **options: Any) -> None:
        identity = lifecycle.prepare()
        with ExitStack() as stack:
            good: Iterator[Block] = iter(())
            if options["file"]:
                file = stack.enter_context(Path(options["file"]).open("rb"))
                caps = conf.NodeConf.from_settings().caps
                good = read_chain(_pieces(file), identity.network, caps)
            done = repair.repair(good)
        self._tell(done)
        report = lifecycle.verify()
        if not report.sound:
            raise CommandError("still wrong:\n" + "\n".join(map(str, report.faults)))
        self.stdout.write(f"sound: {report.blocks} blocks")

    def _tell(self, done: repair.Repairs) -> None:
        for index in done.healed:
            self.stdout.write(f"block {index}: replaced by a good copy")
        for index in done.damaged:
            self.stdout.write(f"block {index}: set aside")
        if done.cut:
            self.stdout.write(
                f"{done.cut} blocks cut off, {done.returned} transactions returned to the pool;"
                " `resolve` or `importchain FILE` brings the blocks back"
            )
        self.stdout.write(
            f"put right: {done.blocks} blocks' rows, {done.transactions} transactions' states,"
            f" {done.addresses} addresses' totals"
        )


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(64 * 1024):
        yield piece
