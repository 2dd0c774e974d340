"""`manage.py verifychain`: check everything that must hold; exit code 1 if something does not."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from ledger.management.base import NodeCommand
from ledger.management.progress import verification_progress
from ledger.node import lifecycle


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError("a number from 1 on")
    return int(text)


class Command(NodeCommand):
    help = "Check every block and every table. Says what is wrong, where, and how to repair it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--last",
            type=_count,
            metavar="N",
            help="only the last N blocks of the active chain, and what is told by them alone",
        )

    def run(self, **options: Any) -> None:
        lifecycle.prepare()
        last = options["last"]
        with verification_progress(self.stderr) as progress:
            report = lifecycle.verify(progress, last=last)
        if not report.sound:
            raise CommandError("\n".join(map(str, report.faults)))
        if last is not None:
            self.stdout.write(f"sound: the last {report.blocks} blocks of the active chain")
            return
        self.stdout.write(
            f"sound: {report.blocks} blocks on the active chain, {report.stale} on side branches,"
            f" {report.transactions} transactions ({report.irregular} irregular),"
            f" {report.supply} coins mined"
        )
