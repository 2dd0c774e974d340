"""`manage.py restore FILE`: put a backup in the place of the database."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from ledger.node import operator
from ledger.node.errors import NodeError


class Command(BaseCommand):
    help = (
        "Verify FILE, a backup, and put a copy of it in the place of the database, which is kept"
        " beside it under another name. Stop the node first."
    )
    requires_system_checks = ()  # the database may be damaged: that is why

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        connections.close_all()
        try:
            self.stdout.write(str(operator.restore(options["file"])))
        except NodeError as error:
            raise CommandError(f"nothing was changed: {error}") from error
