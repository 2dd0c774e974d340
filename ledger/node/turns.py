"""Whose turn it is to write, among all processes on one database.

A transaction on SQLite holds the write lock from its beginning. PostgreSQL lets many write at once,
so each that changes the ledger waits here for all others. Then events are numbered in the order of
their commits, whoever writes them, and what was read in the transaction is true until its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

LOCK: Final = 0x636861696E  # one advisory lock for all writers: "chain"


def take(own: BaseDatabaseWrapper | None = None) -> None:
    """Wait until the transaction under way is the only one that writes. First thing in it.

    Raises `OperationalError` if it takes longer than the session's `lock_timeout`.
    """
    database = own or connection
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


@contextmanager
def turn() -> Iterator[None]:
    """A transaction that is the only one that writes, for what does not go through the writer."""
    with transaction.atomic():
        take()
        yield
