"""`manage.py backup [FILE]`: copy the database while the node runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from ledger.management.base import NodeCommand
from ledger.management.progress import page_progress
from ledger.node import lifecycle, operator


class Command(NodeCommand):
    help = (
        "Copy the database to FILE while the node runs, and verify the copy. Without FILE it gets"
        " a name of its own in the data folder's `backups`. `restore` is the way back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
        parser.add_argument("--force", action="store_true", help="replace FILE if it is there")

    def run(self, **options: Any) -> None:
        with lifecycle.running(), page_progress(self.stderr, "copying") as progress:
            done = operator.backup(options["file"], force=options["force"], progress=progress)
        self.stdout.write(str(done))
