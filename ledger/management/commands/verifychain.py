"""`manage.py verifychain`: check everything that must hold; exit code 1 if something does not."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import CommandError

from ledger.management.base import NodeCommand
from ledger.management.progress import verification_progress
from ledger.node import lifecycle
from ledger.node.verification import Report


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError("a number from 1 on")
    return int(text)


class Command(NodeCommand):
    help = "Check every block and every table. Says what is wrong, where, and how to repair it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        part = parser.add_mutually_exclusive_group()
        part.add_argument(
            "--last",
            type=_count,
            metavar="N",
            help="only the last N blocks of the active chain, and what is told by them alone",
        )
        part.add_argument(
            "--blocks",
            action="store_true",
            help="only the texts of the active chain, their hashes, links and proofs",
        )

    def run(self, **options: Any) -> None:
        lifecycle.prepare()
        last = options["last"]
        with verification_progress(self.stderr) as progress:
            if options["blocks"]:
                report = lifecycle.verify_texts(progress)
            else:
                report = lifecycle.verify(progress, last=last)
        if not report.sound:
            raise CommandError("\n".join(map(str, report.faults)))
        self.stdout.write(_sound(report, last, options["blocks"]))


def _sound(report: Report, last: int | None, texts_alone: bool) -> str:
    if texts_alone:
        return (
            f"sound: texts, hashes, links and proofs of {report.blocks} blocks on the active chain;"
            " the tables beside them were not looked at"
        )
    if last is not None:
        return f"sound: the last {report.blocks} blocks of the active chain"
    return (
        f"sound: {report.blocks} blocks on the active chain, {report.stale} on side branches,"
        f" {report.transactions} transactions ({report.irregular} irregular),"
        f" {report.supply} coins mined"
    )
