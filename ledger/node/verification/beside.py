"""Threads that read the database beside this one, all of them the same moment of it.

SQLite works while Python does not wait for it, so what is a matter of few rows and much reading can
be done on another core. Two connections see the same moment if nobody could write between their
first reads: for that long the write lock is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Final, Protocol, TypeVar

from django.db import DatabaseError, connection, connections

from ..reading import one_moment

T = TypeVar("T")


class Helper(Protocol):
    """Does some reading; what it answers waits for the result."""

    def __call__(self, work: Callable[[], T], /) -> Callable[[], T]: ...


Helpers = tuple[Helper, Helper]
_THREADS: Final = 2


def in_this_thread(work: Callable[[], T]) -> Callable[[], T]:
    """A helper that reads when it is wanted, in the thread that wants it."""
    return work


@contextmanager
def alone() -> Iterator[Helpers]:
    """One moment, read by this thread alone."""
    with one_moment(connection, long=True):
        yield in_this_thread, in_this_thread


@contextmanager
def beside() -> Iterator[Helpers]:
    """One moment, and two threads that read it too, where the database lets them."""
    with ExitStack() as threads:
        helpers = None
        with _nobody_writing() as is_still:
            own = threads.enter_context(_this_moment())
            if is_still:
                helpers = [threads.enter_context(_Thread()) for _ in range(_THREADS)]
        del own
        yield (helpers[0], helpers[1]) if helpers else (in_this_thread, in_this_thread)


@contextmanager
def _this_moment() -> Iterator[None]:
    with one_moment(connection, long=True):
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM ledger_tip")  # what is read first decides on the moment
            cursor.fetchall()
        yield


@contextmanager
def _nobody_writing() -> Iterator[bool]:
    """Hold the write lock meanwhile; False where it cannot be had, or could not be let go."""
    if connection.vendor != "sqlite":
        yield False
        return
    holder = connections.create_connection("default")
    try:
        held = False
        with suppress(DatabaseError), holder.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            held = True
        yield held
    finally:
        holder.close()


class _Thread:
    """A thread with a connection of its own in that moment."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger-verification")
        self._moment = _this_moment()
        self._own: Any = None

    def __enter__(self) -> Helper:
        try:
            self._thread.submit(self._begin).result()
        except BaseException:
            self.__exit__()
            raise
        return self._do

    def __exit__(self, *failure: object) -> None:
        if any(failure):  # nobody waits for what it reads any more
            with suppress(Exception):
                self._own.interrupt()
        self._thread.submit(self._end)
        self._thread.shutdown()

    def _do(self, work: Callable[[], T]) -> Callable[[], T]:
        future: Future[T] = self._thread.submit(work)
        return future.result

    def _begin(self) -> None:
        self._moment.__enter__()
        self._own = connection.connection

    def _end(self) -> None:
        with suppress(DatabaseError):
            self._moment.__exit__(None, None, None)
        connection.close()
