"""`manage.py exportchain FILE`: the active chain in the format of `GET /chain`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from django.db.models import Sum

from ledger.management.base import NodeCommand
from ledger.management.progress import byte_progress
from ledger.models import ActiveBlock
from ledger.node import lifecycle, operator, transfer


class Command(NodeCommand):
    help = "Write the active chain to FILE ('-': standard output), as GET /chain serves it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")

    def run(self, **options: Any) -> None:
        with lifecycle.running(), self._progress() as progress:
            if options["file"] == "-":
                self.stdout.flush()
                transfer.export_chain(sys.stdout.buffer, progress)
                return
            done = operator.export_chain(Path(options["file"]), force=True, progress=progress)
        self.stdout.write(str(done))

    def _progress(self) -> AbstractContextManager[transfer.Progress]:
        total = ActiveBlock.objects.aggregate(size=Sum("block__size"))["size"]
        return byte_progress(self.stderr, "exporting", total)
