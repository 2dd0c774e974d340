"""The active chain as text: stored texts strung together, never serialised again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Final, NamedTuple

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from .reading import Reader

BEFORE: Final = '{"chain": ['
AFTER: Final = '], "length": {length}}'
"""What stands around the blocks in `GET /chain`. For `{length}` their number is put in."""

_ROWS: Final = 2000
_CHARACTERS: Final = 256 * 1024

_PAGE: Final = """
    SELECT a."index", b.canonical FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id
    WHERE a."index" > %s ORDER BY a."index" LIMIT %s
"""


class TextPiece(NamedTuple):
    """Blocks up to index `last`, joined by commas."""

    last: int
    text: str


def length(own: BaseDatabaseWrapper | None = None) -> int:
    """How many blocks the active chain has."""
    with (own or connection).cursor() as cursor:
        cursor.execute('SELECT "index" FROM ledger_tip WHERE id = 1')
        return int(cursor.fetchone()[0])


def piece_after(index: int, own: BaseDatabaseWrapper | None = None) -> TextPiece | None:
    """The next blocks above `index`, about a quarter of a megabyte; None behind the tip."""
    texts: list[str] = []
    characters = 0
    with (own or connection).cursor() as cursor:
        cursor.execute(_PAGE, [index, _ROWS])
        while characters < _CHARACTERS and (row := cursor.fetchone()):
            index = row[0]
            texts.append(row[1])
            characters += len(row[1])
    return TextPiece(index, ", ".join(texts)) if texts else None


def body() -> Iterator[str]:
    """The whole body of `GET /chain`, in pieces. Read it within one moment (`reading`)."""
    blocks, index, start = length(), 0, BEFORE
    while piece := piece_after(index):
        yield start + piece.text
        index, start = piece.last, ", "
    yield AFTER.replace("{length}", str(blocks))


async def stream(reader: Reader, before: str = BEFORE, after: str = AFTER) -> AsyncIterator[bytes]:
    """The same for an event loop, as of one moment, with other words around it if need be.

    No piece is small but the last: the server tells a large answer by that.
    """
    async with reader.snapshot() as view:
        blocks, index, start = await view.read(length), 0, before
        while piece := await view.read(partial(piece_after, index)):
            yield (start + piece.text).encode()
            index, start = piece.last, ", "
        yield after.replace("{length}", str(blocks)).encode()
