"""Room for storing much at once: what SQLite keeps in memory and in its log, larger for a while.

A block touches a page of an index for each of its addresses. With the usual 2 MB of cache those
pages are written out and read back within one transaction, and with the usual log of 4 MB they are
copied into the database again and again. For one new block neither matters.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from django.db import connection

from .errors import NodeError
from .writer import Writer

_ROOM: Final = (
    "PRAGMA cache_size = -32768",  # kibibytes
    "PRAGMA wal_autocheckpoint = 16384",  # pages of 4 KiB
)
_USUAL: Final = (
    "PRAGMA cache_size = -2000",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA shrink_memory",
)


@contextmanager
def room(writer: Writer) -> Iterator[None]:
    """What the writer stores meanwhile, it stores with room. Each commit is as durable as ever."""
    if connection.vendor != "sqlite":
        yield
        return
    writer.run(lambda: _execute(_ROOM))
    try:
        yield
    finally:
        with suppress(NodeError):  # a writer that stops takes its connection with it
            writer.run(lambda: _execute(_USUAL))


def _execute(statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            cursor.fetchall()
