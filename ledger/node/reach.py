"""A database on a server can go away, and come back.

What was under way then has failed; what is asked next gets a new connection by itself
(`chainsite.postgresql`). Reading can just be done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from django.db import Error, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from .errors import Unreachable

T = TypeVar("T")


def is_lost(own: BaseDatabaseWrapper) -> bool:
    """Whether there is no living connection to the server: something failed for that alone."""
    if own.vendor != "postgresql":
        return False
    return own.connection is None or bool(own.connection.closed)


def unreachable(error: Exception) -> Unreachable:
    """What is said of it, in one line: drivers go on for several."""
    lines = str(error).strip().splitlines() or ["it said nothing"]
    return Unreachable(f"the database cannot be reached: {lines[0]}")


@contextmanager
def in_reach(own: BaseDatabaseWrapper) -> Iterator[None]:
    """Raise `Unreachable` for what fails because the server is not there."""
    try:
        yield
    except Error as error:
        if not is_lost(own):
            raise
        raise unreachable(error) from error


def patiently(function: Callable[[], T]) -> T:
    """Call what only reads, on this thread's connection; once more if that turned out to be lost.

    Raises `Unreachable` if there is no server to connect to either. Not inside a transaction.
    """
    with suppress(Unreachable), in_reach(connection):
        return function()
    with in_reach(connection):
        return function()
