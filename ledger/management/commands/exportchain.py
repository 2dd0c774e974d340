"""`manage.py exportchain FILE`: the active chain in the format of `GET /chain`."""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import IO, Any

from django.db.models import Sum

from ledger.management.base import NodeCommand
from ledger.management.progress import byte_progress
from ledger.models import ActiveBlock
from ledger.node import lifecycle, transfer


class Command(NodeCommand):
    help = "Write the active chain to FILE ('-': standard output), as GET /chain serves it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")

    def run(self, **options: Any) -> None:
        lifecycle.prepare()
        if options["file"] == "-":
            self._export(self._binary_output())
            return
        target = Path(options["file"])
        # Under another name until it is whole: a file of that name is always a whole chain.
        descriptor, draft = tempfile.mkstemp(dir=target.parent, prefix=target.name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                blocks = self._export(file)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        self.stdout.write(f"{blocks} blocks in {target}")

    def _binary_output(self) -> IO[bytes]:
        self.stdout.flush()
        return sys.stdout.buffer

    def _export(self, file: IO[bytes]) -> int:
        total = ActiveBlock.objects.aggregate(size=Sum("block__size"))["size"]
        with byte_progress(self.stderr, "exporting", total) as progress:
            return transfer.export_chain(file, progress)
