"""`manage.py runserver`: Daphne's development server, with this node in it."""

from __future__ import annotations

from typing import Any

from daphne.management.commands.runserver import Command as DaphneCommand
from django.conf import settings
from django.core.checks import Tags
from django.core.management.base import CommandError
from django.utils.module_loading import import_string

from ledger.management import first_run
from ledger.management.opening import failures_in_words, open_database
from ledger.management.progress import verification_progress
from ledger.node import lifecycle
from ledger.node.errors import NodeError


class Command(DaphneCommand):
    help = "Daphne's development server with this node in it. To leave a node running: runnode."

    @property
    def server_cls(self) -> Any:
        return import_string(settings.NODE_SERVER)

    def inner_run(self, *args: Any, **options: Any) -> None:
        settings.NODE_HOST, settings.NODE_PORT = self.addr, int(self.port)  # for the checks
        open_database(guard=True)
        self.check(tags=[Tags.database], databases=["default"])
        try:
            with failures_in_words(), verification_progress(self.stderr) as progress:
                lifecycle.open_for_serving(progress)
                self.stdout.write(first_run.greet(self.stdout), ending="")
        except NodeError as error:
            raise CommandError(f"this node does not start.\n{error}") from error
        try:
            super().inner_run(*args, **options)
        finally:
            lifecycle.stop()
