"""`manage.py migrate`, all of it or nothing."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ledger.node import turns


class Command(migrate.Command):
    """Django's command in one transaction.

    By itself, Django commits some migrations before it notes that they were made; a kill in between
    leaves a database in which they fail ever after.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["skip_checks"]:  # here, for what follows changes modes that they look at
            self.check(databases=[options["database"]])
            options["skip_checks"] = True
        connection = connections[options["database"]]
        # SQLite lets tables be remade only with its foreign keys off, which has to happen first.
        with connection.constraint_checks_disabled(), transaction.atomic(options["database"]):
            if connection.vendor == "postgresql":
                _take_turn(connection)
            super().handle(*args, **options)


def _take_turn(connection: BaseDatabaseWrapper) -> None:
    """One process at a time makes tables, and nobody writes meanwhile; it takes its time."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = 0")
    turns.take(connection)
