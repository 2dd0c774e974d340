"""Room for storing much at once: what SQLite keeps in memory and in its log, larger for a while,
and the indexes that only serve reading put off: those of inclusions, and of blocks by their parent.

A block touches a page of each of these indexes for itself or for each of its entries. With the
usual 2 MB of cache those pages are written out and read back within one transaction, with the usual
log of 4 MB they are copied into the database again and again, and finding their places one by one
takes longer than sorting them all at the end. For one new block none of this matters.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from django.db import connection

from ledger.models import Block, Inclusion, Tip

from .errors import NodeError
from .writer import Writer

_LONG: Final = 5000  # blocks that are worth making room for
_ROOM: Final = (
    "PRAGMA cache_size = -12288",  # kibibytes
    "PRAGMA wal_autocheckpoint = 16384",  # pages of 4 KiB
)
_FOR_SORTING: Final = ("PRAGMA cache_size = -1024", "PRAGMA shrink_memory")  # sorting takes its own
_USUAL: Final = (
    "PRAGMA cache_size = -2000",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA shrink_memory",
)


@contextmanager
def room(writer: Writer, coming: int) -> Iterator[None]:
    """What the writer stores meanwhile, it stores with room, if `coming` blocks are many. Each
    commit is as durable as ever.

    At least as many blocks as there are put off the indexes, too: to make these anew costs by all
    blocks there will be, at most twice those that come. Pages of addresses take longer until then,
    and so does whoever looks for the blocks behind one. Should the process end before, the next
    start makes them (`restore_indexes`).
    """
    if coming <= _LONG:
        yield
        return
    if connection.vendor != "sqlite":
        with _time(writer):
            yield
        return
    writer.run(partial(_execute, _ROOM))
    if coming >= Tip.objects.get(pk=1).index:
        writer.run(partial(_execute, [f"DROP INDEX IF EXISTS {name}" for name in _indexes()]))
    try:
        yield
    finally:
        with suppress(NodeError):  # a writer that stops takes its connection with it
            writer.run(partial(_execute, _FOR_SORTING))
            _give_back()
            restore_indexes(writer)
            writer.run(partial(_execute, _USUAL))
            _give_back()


def _give_back() -> None:
    """Let the system have what was freed: the C library keeps it, and a sort or the answer, which
    come next, would come on top. Another library than glibc is left alone."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)


@contextmanager
def _time(writer: Writer) -> Iterator[None]:
    """A server sees to its room itself; but a statement may take its time meanwhile."""
    writer.run(partial(_execute, ["SET statement_timeout = 0"]))
    try:
        yield
    finally:
        with suppress(NodeError):
            writer.run(partial(_execute, ["RESET statement_timeout"]))


def restore_indexes(writer: Writer) -> None:
    """Make the indexes that are not there, each in a transaction of its own."""
    if connection.vendor != "sqlite":
        return
    wanted = _indexes()
    for name in wanted.keys() - _present(wanted):
        writer.run(partial(_execute, [wanted[name]]))


def _indexes() -> dict[str, str]:
    """The indexes that only serve reading: by name, the statements that make them."""
    editor: Any = connection.schema_editor(collect_sql=True)
    statements = {
        index.name: str(index.create_sql(Inclusion, editor)) for index in Inclusion._meta.indexes
    }
    by_parent = editor._create_index_sql(Block, fields=[Block._meta.get_field("parent")])
    statements[str(by_parent.parts["name"]).strip('"')] = str(by_parent)
    # Another process may have been faster.
    return {
        name: statement.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1)
        for name, statement in statements.items()
    }


def _present(names: Iterable[str]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
        return {name for (name,) in cursor.fetchall()} & set(names)


def _execute(statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
            if cursor.description:
                cursor.fetchall()
