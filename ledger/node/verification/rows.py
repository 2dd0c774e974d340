"""Reading rows as they are, whatever they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

from django.db import connection

_CHUNK: Final = 500


def rows(query: str, *parameters: Any) -> Iterator[tuple[Any, ...]]:
    """The rows of a query, read a few at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        while some := cursor.fetchmany(_CHUNK):
            yield from some


def row_by_row(query: str, *parameters: Any) -> Iterator[tuple[Any, ...]]:
    """The same, but no row is read before it is wanted: each may be large."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        while row := cursor.fetchone():
            yield row


@contextmanager
def text_of_any_bytes() -> Iterator[None]:
    """Read bytes that are not UTF-8 as something: no hash takes it for the right text."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    own = connection.connection
    before = own.text_factory
    own.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        yield
    finally:
        own.text_factory = before
