"""The active chain as text: stored texts strung together, never serialised again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from functools import partial
from typing import Final, NamedTuple

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from .reading import Reader, Snapshot

BEFORE: Final = '{"chain": ['
AFTER: Final = '], "length": {length}}'
"""What stands around the blocks in `GET /chain`. For `{length}` their number is put in."""

_ROWS: Final = 2000
_BYTES: Final = 256 * 1024
_FAST_BYTES: Final = 1024 * 1024
"""In a piece of an answer that is being taken: the fewer there are, the less is done for each."""

_PAGE: Final = """
    SELECT {canonical} FROM ledger_activeblock a
    CROSS JOIN ledger_block b WHERE b.id = a.block_id AND a."index" > %s AND a."index" <= %s
    ORDER BY a."index"
"""
# As bytes, so that no text is decoded only to be encoded again.
_ROW_BY_ROW: Final = _PAGE.format(canonical="CAST(b.canonical AS BLOB)")
# Strung together by the database, where it is known that they are not too many.
_WEIGHT: Final = """
    SELECT SUM(b.size) FROM ledger_activeblock a
    CROSS JOIN ledger_block b WHERE b.id = a.block_id AND a."index" > %s AND a."index" <= %s
"""
_JOINED: Final = f"""
    SELECT CAST(group_concat(canonical, %s) AS BLOB), COUNT(*)
    FROM ({_PAGE.format(canonical="b.canonical AS canonical")})
"""  # noqa: S608 - put together from constants
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
    size: int = _BYTES,
    separator: bytes = b", ",
) -> Piece | None:
    """The next blocks above `index`, about `size` bytes, and `most` of them; None behind the tip.

    Where `most` are about `size` bytes, it is soonest done.
    """
    database = own or connection
    last = index + min(most, _ROWS)
    if database.vendor == "postgresql":
        return _as_many_as_fit(database, index, last, size, separator)
    joined = _joined(database, index, last, 2 * size, separator)
    return joined or _strung_together(database, index, last, size, separator)


def _joined(
    database: BaseDatabaseWrapper, index: int, last: int, size: int, separator: bytes
) -> Piece | None:
    """All up to `last`; None if these are more than `size` bytes, or none."""
    with database.cursor() as cursor:
        cursor.execute(_WEIGHT, [index, last])
        ((weight,),) = cursor.fetchall()
        if weight is None or weight > size:
            return None
        cursor.execute(_JOINED, [separator.decode(), index, last])
        ((text, count),) = cursor.fetchall()
    return Piece(index + count, text)


def _strung_together(
    database: BaseDatabaseWrapper, index: int, last: int, size: int, separator: bytes
) -> Piece | None:
    texts: list[bytes] = []
    taken = 0
    with database.cursor() as cursor:
        cursor.execute(_ROW_BY_ROW, [index, last])
        for (text,) in cursor:  # row by row: each may be a mebibyte
            texts.append(bytes(text))
            taken += len(text)
            if taken >= size:
                break
    return Piece(index + len(texts), separator.join(texts)) if texts else None


def _as_many_as_fit(
    database: BaseDatabaseWrapper, index: int, last: int, size: int, separator: bytes
) -> Piece | None:
    """The next ones up to `last`, about `size` bytes, strung together by a server."""
    with database.cursor() as cursor:
        cursor.execute(_AS_MANY_AS_FIT, [separator.decode(), index, last, size])
        text, count = cursor.fetchone()
    return Piece(index + count, text.encode()) if count else None


def _as_many(piece: Piece, before: int, size: int) -> int:
    """How many blocks are about `size` bytes, if the next are as large as those of a piece."""
    return max(1, (piece.last - before) * size // max(1, len(piece.text)))


def body() -> Iterator[bytes]:
    """The whole body of `GET /chain`, in pieces. Read it within one moment (`reading`)."""
    blocks, index, start, most = length(), 0, BEFORE.encode(), _ROWS
    while piece := piece_after(index, most=most, size=_FAST_BYTES):
        yield start + piece.text
        most = _as_many(piece, index, _FAST_BYTES)
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
        piece = await view.read(partial(piece_after, 0))
        if piece:
            yield before.encode() + piece.text
            async with aclosing(_pieces_behind(view, piece)) as pieces:
                async for text in pieces:
                    yield text
        yield after.replace("{length}", str(end.length)).encode()


async def _pieces_behind(view: Snapshot, piece: Piece) -> AsyncGenerator[bytes]:
    """What follows the first piece. It is large, and read ahead: whoever has come so far has taken
    the first, and has a turn (`chainsite.admission`)."""
    before = 0

    def read(piece: Piece, before: int) -> asyncio.Task[Piece | None]:
        most = _as_many(piece, before, _FAST_BYTES)
        following = partial(piece_after, piece.last, most=most, size=_FAST_BYTES)
        return asyncio.ensure_future(view.read(following))

    coming = read(piece, before)
    try:
        while following := await coming:
            coming = read(following, piece.last)
            yield b", " + following.text
            piece = following
    finally:
        coming.cancel()
