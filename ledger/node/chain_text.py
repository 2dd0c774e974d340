"""The active chain as text: stored texts strung together, never serialised again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from functools import partial
from typing import Final, NamedTuple

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from .reading import Reader

BEFORE: Final = '{"chain": ['
AFTER: Final = '], "length": {length}}'
"""What stands around the blocks in `GET /chain`. For `{length}` their number is put in."""

_ROWS: Final = 2000
_BYTES: Final = 256 * 1024

# As bytes, so that no text is decoded only to be encoded again.
_ROW_BY_ROW: Final = """
    SELECT CAST(b.canonical AS BLOB) FROM ledger_activeblock a
    CROSS JOIN ledger_block b WHERE b.id = a.block_id AND a."index" > %s AND a."index" <= %s
    ORDER BY a."index"
"""
# A server sends all that it is asked for: it is asked for no more than there is room for.
_AS_MANY_AS_FIT: Final = """
    SELECT string_agg(canonical, %s ORDER BY "index"), COUNT(*) FROM (
        SELECT a."index", b.canonical,
               SUM(b.size) OVER (ORDER BY a."index") - b.size AS before
        FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id
        WHERE a."index" > %s AND a."index" <= %s
    ) page WHERE before < %s
"""


class Piece(NamedTuple):
    """Blocks up to index `last`, joined by commas, or by what was asked for."""

    last: int
    text: bytes


class Tip(NamedTuple):
    """How long the active chain is, and the hash it ends with: that stands for its whole text."""

    length: int
    hash: str


def tip(own: BaseDatabaseWrapper | None = None) -> Tip:
    """The tip of the active chain."""
    with (own or connection).cursor() as cursor:
        cursor.execute(
            'SELECT t."index", b.hash FROM ledger_tip t JOIN ledger_block b ON b.id = t.block_id'
        )
        return Tip(*cursor.fetchone())


def length(own: BaseDatabaseWrapper | None = None) -> int:
    """How many blocks the active chain has."""
    return tip(own).length


def piece_after(
    index: int,
    own: BaseDatabaseWrapper | None = None,
    *,
    most: int = _ROWS,
    separator: bytes = b", ",
) -> Piece | None:
    """The next blocks above `index`, about a quarter of a megabyte, and `most` of them; None behind
    the tip."""
    database = own or connection
    last = index + min(most, _ROWS)
    if database.vendor == "postgresql":
        return _as_many_as_fit(database, index, last, separator)
    texts: list[bytes] = []
    size = 0
    with database.cursor() as cursor:
        cursor.execute(_ROW_BY_ROW, [index, last])
        for (text,) in cursor:  # row by row: each may be a mebibyte
            texts.append(bytes(text))
            size += len(text)
            if size >= _BYTES:
                break
    return Piece(index + len(texts), separator.join(texts)) if texts else None


def _as_many_as_fit(
    database: BaseDatabaseWrapper, index: int, last: int, separator: bytes
) -> Piece | None:
    """The next ones up to `last`, strung together by a server."""
    with database.cursor() as cursor:
        cursor.execute(_AS_MANY_AS_FIT, [separator.decode(), index, last, _BYTES])
        text, count = cursor.fetchone()
    return Piece(index + count, text.encode()) if count else None


def body() -> Iterator[bytes]:
    """The whole body of `GET /chain`, in pieces. Read it within one moment (`reading`)."""
    blocks, index, start = length(), 0, BEFORE.encode()
    while piece := piece_after(index):
        yield start + piece.text
        index, start = piece.last, b", "
    yield AFTER.replace("{length}", str(blocks)).encode()


async def stream(reader: Reader, before: str = BEFORE, after: str = AFTER) -> AsyncIterator[bytes]:
    """The same for an event loop, as of one moment, with other words around it if need be.

    No piece is small but the last: the server tells a large answer by that.
    """
    pieces = stream_behind_hash(reader, before, after)
    async with aclosing(pieces):
        await anext(pieces)
        async for piece in pieces:
            yield piece


async def stream_behind_hash(
    reader: Reader, before: str = BEFORE, after: str = AFTER
) -> AsyncGenerator[bytes]:
    """The same, and before all of it the hash of the tip it ends with."""
    async with reader.snapshot() as view:
        end = await view.read(tip)
        yield end.hash.encode()
        start = before.encode()
        # Read while the piece before it is being sent.
        next_piece = asyncio.ensure_future(view.read(partial(piece_after, 0)))
        try:
            while piece := await next_piece:
                next_piece = asyncio.ensure_future(view.read(partial(piece_after, piece.last)))
                yield start + piece.text
                start = b", "
        finally:
            next_piece.cancel()
        yield after.replace("{length}", str(end.length)).encode()
