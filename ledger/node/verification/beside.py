"""Threads that read the database beside this one, all of them the same moment of it.

SQLite works while Python does not wait for it, so what is a matter of few rows and much reading can
be done on another core. Two connections see the same moment if nobody could write between their
first reads: for that long the write lock is held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from itertools import cycle
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from django.db import DatabaseError, connection, connections

from ..reading import one_moment

T = TypeVar("T")


class Helper(Protocol):
    """Does some reading; what it answers waits for the result."""

    def __call__(self, work: Callable[[], T], /) -> Callable[[], T]: ...


class Helpers(NamedTuple):
    """`reading` serves whoever needs much read in time, `checking` whoever can wait."""

    reading: Helper
    checking: Helper


_READING: Final = 2  # to read what inclusions say takes longest of all


def in_this_thread(work: Callable[[], T]) -> Callable[[], T]:
    """A helper that reads when it is wanted, in the thread that wants it."""
    return work


@contextmanager
def alone() -> Iterator[Helpers]:
    """One moment, read by this thread alone."""
    with one_moment(connection, long=True):
        yield Helpers(in_this_thread, in_this_thread)


@contextmanager
def beside() -> Iterator[Helpers]:
    """One moment, and threads that read it too, where the database lets them."""
    with ExitStack() as threads:
        helpers = Helpers(in_this_thread, in_this_thread)
        with _nobody_writing() as is_still:
            threads.enter_context(_this_moment())
            if is_still:
                each = [threads.enter_context(_Thread()) for _ in range(_READING + 1)]
                helpers = Helpers(_in_turn(each[1:]), each[0])
        yield helpers


def _in_turn(helpers: Sequence[Helper]) -> Helper:
    following = cycle(helpers)

    def read(work: Callable[[], T]) -> Callable[[], T]:
        return next(following)(work)

    return read


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
