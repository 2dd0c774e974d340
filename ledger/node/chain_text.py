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
_MORE_AT_MOST: Final = 4  # times what was asked for

_PAGE: Final = """
    SELECT {canonical} FROM ledger_activeblock a
    CROSS JOIN ledger_block b WHERE b.id = a.block_id AND a."index" > %s AND a."index" <= %s
    ORDER BY a."index"
"""
# As bytes, so that no text is decoded only to be encoded again.
_ROW_BY_ROW: Final = _PAGE.format(canonical="CAST(b.canonical AS BLOB)")
# Strung together by the database, but for those that weigh more than was thought.
_JOINED: Final = """
    SELECT CAST(%s || group_concat(canonical, %s) AS BLOB), COUNT(canonical), COUNT(*)
    FROM ({page})
"""
_LIGHT: Final = _PAGE.format(canonical="CASE WHEN {weight} <= %s THEN b.canonical END AS canonical")
_KNOWS_WEIGHTS: Final = (3, 43)  # of SQLite, without reading what it weighs
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
    likely: int = 0,
    separator: bytes = b", ",
    before: bytes = b"",
) -> Piece | None:
    """The next blocks above `index`, about `size` bytes, and `most` of them; None behind the tip.

    `likely` is how many are thought to be so large; it is soonest done where that is right.
    `before` stands before them.
    """
    database = own or connection
    most = min(most, _ROWS)
    if database.vendor == "postgresql":
        return _as_many_as_fit(database, index, index + most, size, separator, before)
    if likely:
        count = min(likely, most)
        heaviest = _MORE_AT_MOST * size // count
        if piece := _joined(database, index, index + count, heaviest, separator, before):
            return piece
    return _strung_together(database, index, index + most, size, separator, before)


def _joined(
    database: BaseDatabaseWrapper,
    index: int,
    last: int,
    heaviest: int,
    separator: bytes,
    before: bytes,
) -> Piece | None:
    """All up to `last`; None if one of these is more than `heaviest` bytes, or there is none."""
    with database.cursor() as cursor:
        query = _JOINED.format(page=_LIGHT.format(weight=weight_of_text(database)))
        cursor.execute(query, [before.decode(), separator.decode(), heaviest, index, last])
        ((text, count, there),) = cursor.fetchall()
    return Piece(index + count, text) if 0 < count == there else None


def weight_of_text(database: BaseDatabaseWrapper) -> str:
    """In SQL, how many bytes a block's text (`b.canonical`) has; if possible, it is not read."""
    # `size` stands behind the text, which is read on the way to it.
    knows = database.Database.sqlite_version_info >= _KNOWS_WEIGHTS  # type: ignore[attr-defined]
    return "octet_length(b.canonical)" if knows else "b.size"


def _strung_together(
    database: BaseDatabaseWrapper,
    index: int,
    last: int,
    size: int,
    separator: bytes,
    before: bytes,
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
    if not texts:
        return None
    count, texts[0] = len(texts), before + texts[0]
    return Piece(index + count, separator.join(texts))


def _as_many_as_fit(
    database: BaseDatabaseWrapper,
    index: int,
    last: int,
    size: int,
    separator: bytes,
    before: bytes,
) -> Piece | None:
    """The next ones up to `last`, about `size` bytes, strung together by a server."""
    with database.cursor() as cursor:
        cursor.execute(_AS_MANY_AS_FIT, [separator.decode(), index, last, size])
        text, count = cursor.fetchone()
    return Piece(index + count, before + text.encode()) if count else None


def _likely(piece: Piece, after: int) -> int:
    """How many blocks are a piece that is soon read, if they are as large as those of this one."""
    return max(1, (piece.last - after) * _FAST_BYTES // len(piece.text))


def body() -> Iterator[bytes]:
    """The whole body of `GET /chain`, in pieces. Read it within one moment (`reading`)."""
    blocks, index, before, likely = length(), 0, BEFORE.encode(), 0
    while piece := piece_after(index, size=_FAST_BYTES, likely=likely, before=before):
        yield piece.text
        likely = _likely(piece, index)
        index, before = piece.last, b", "
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
        piece = await view.read(partial(piece_after, 0, before=before.encode()))
        if piece:
            yield piece.text
            last, likely = piece.last, _likely(piece, 0)
            del piece  # it has left, and nobody keeps it
            async with aclosing(_pieces_behind(view, last, likely)) as pieces:
                async for text in pieces:
                    yield text
        yield after.replace("{length}", str(end.length)).encode()


async def _pieces_behind(view: Snapshot, last: int, likely: int) -> AsyncGenerator[bytes]:
    """What follows the first piece. It is large, and read ahead: whoever has come so far has taken
    the first, and has a turn (`chainsite.admission`)."""

    def read(last: int, likely: int) -> asyncio.Task[Piece | None]:
        following = partial(piece_after, last, size=_FAST_BYTES, likely=likely, before=b", ")
        return asyncio.ensure_future(view.read(following))

    coming = read(last, likely)
    try:
        while piece := await coming:
            likely, last = _likely(piece, last), piece.last
            coming = read(last, likely)
            yield piece.text
    finally:
        coming.cancel()
