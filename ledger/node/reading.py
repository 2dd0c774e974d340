"""Reading the database from async code, without a thread a request.

A few threads keep their connections open; a `Snapshot` is a connection of its own whose reads all
see one moment, for answers too long to be read at once.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from contextvars import copy_context
from functools import partial
from typing import Final, ParamSpec, TypeVar

from django.db import Error, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from .reach import in_reach, patiently

P = ParamSpec("P")
T = TypeVar("T")

_THREADS: Final = 4
_ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;"
# A snapshot waits for its client between two reads: for as long as the server lets one be slow.
_SLOW: Final = "SET LOCAL idle_in_transaction_session_timeout = '10min'"
# What it goes through once is not worth keeping, and there may be a snapshot for each client.
_SMALL_CACHE: Final = "PRAGMA cache_size = -128"  # kibibytes
_WITHOUT_END: Final = f"{_SLOW}; SET LOCAL statement_timeout = 0"


class Reader:
    """A small pool of threads that read."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ledger-reader")

    async def read(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `function` in a reading thread and await its answer."""
        return await self.call(partial(_fresh, partial(function, *args, **kwargs)))

    async def call(self, function: Callable[[], T]) -> T:
        """Call it in a reading thread, whatever connection it uses, and await its answer."""
        loop = asyncio.get_running_loop()
        context = copy_context()  # so that what is logged there is known to belong to the request
        return await loop.run_in_executor(self._threads, context.run, function)

    async def read_at_once(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same, but all that `function` reads is of one moment."""

        def in_one_moment() -> T:
            with one_moment(connection):
                return function(*args, **kwargs)

        return await self.read(in_one_moment)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """A view of the database whose reads all see the moment of the first one."""
        view = Snapshot(self)
        try:
            await view.begin()
            yield view
        finally:
            # Not awaited: this also runs while the client's task is being cancelled.
            self._threads.submit(view.close)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)


class Snapshot:
    """One moment of the database, on a connection of its own. Made by `Reader.snapshot`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._own = connections.create_connection("default")
        self._own.inc_thread_sharing()
        # A cancelled task leaves its read going on in a thread: closing waits for that.
        self._lock = threading.Lock()

    async def begin(self) -> None:
        await self.read(_begin_slowly)

    async def read(self, function: Callable[[BaseDatabaseWrapper], T]) -> T:
        """Call `function` with the snapshot's connection, in a reading thread."""

        def locked() -> T:
            with self._lock, in_reach(self._own):
                return function(self._own)

        return await self._reader.call(locked)

    def close(self) -> None:
        with self._lock:
            self._own.close()


@contextmanager
def one_moment(own: BaseDatabaseWrapper, *, long: bool = False) -> Iterator[None]:
    """All reads inside see the same moment. For reading only, outside of any transaction.

    `long`: for as long as it takes, where it is known to take its time.
    """
    _begin(own, _WITHOUT_END if long else "")
    try:
        yield
    finally:
        _end(own)


def _begin_slowly(own: BaseDatabaseWrapper) -> None:
    if own.vendor == "sqlite":
        with own.cursor() as cursor:
            cursor.execute(_SMALL_CACHE)
    _begin(own, _SLOW)


def _begin(own: BaseDatabaseWrapper, settings: str = "") -> None:
    if own.vendor == "sqlite":
        with own.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        return
    try:
        own.set_autocommit(False)
        with own.cursor() as cursor:
            cursor.execute(_ONE_MOMENT + settings)
    except Error:
        own.close()  # it does not stay as it is, half in a transaction
        raise


def _end(own: BaseDatabaseWrapper) -> None:
    if own.vendor == "sqlite":
        with own.cursor() as cursor:
            cursor.execute("ROLLBACK")
        return
    try:
        own.rollback()
        own.set_autocommit(True)
    except Error:  # the connection is gone, and the moment with it
        own.close()


def _fresh(function: Callable[[], T]) -> T:
    try:
        return patiently(function)
    finally:
        connection.close_if_unusable_or_obsolete()
