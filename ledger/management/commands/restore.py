"""`manage.py restore FILE`: put a backup in the place of the database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, connections

from ledger.management.opening import failures_in_words, open_database
from ledger.management.progress import page_progress
from ledger.node import operator
from ledger.node.errors import NodeError


class Command(BaseCommand):
    help = (
        "Verify FILE, a backup, and put a copy of it in the place of the database, which is kept"
        " beside it under another name. With DATABASE_URL set, put the node in FILE into that"
        " database, which must be empty. Stop the node first."
    )
    requires_system_checks = ()  # the database may be damaged: that is why

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        if connection.vendor != "sqlite":
            open_database()
        connections.close_all()
        try:
            with failures_in_words(), page_progress(self.stderr, "copying") as progress:
                done = operator.restore(options["file"], progress=progress)
            self.stdout.write(str(done))
        except NodeError as error:
            raise CommandError(f"nothing was changed: {error}") from error
