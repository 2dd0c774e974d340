"""`manage.py verifychain`: check everything that must hold; exit code 1 if something does not."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from ledger.management.base import NodeCommand
from ledger.management.progress import verification_progress
from ledger.node import lifecycle


class Command(NodeCommand):
    help = "Check every block and every table. Says what is wrong, where, and how to repair it."

    def run(self, **options: Any) -> None:
        lifecycle.prepare()
        with verification_progress(self.stderr) as progress:
            report = lifecycle.verify(progress)
        if not report.sound:
            raise CommandError("\n".join(map(str, report.faults)))
        self.stdout.write(
            f"sound: {report.blocks} blocks on the active chain, {report.stale} on side branches,"
            f" {report.transactions} transactions ({report.irregular} irregular),"
            f" {report.supply} coins mined"
        )
