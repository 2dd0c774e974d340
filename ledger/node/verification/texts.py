"""The active chain by itself: texts, hashes, links and proofs, and none of the tables beside it.

The database hands out many blocks in one row, and they are judged together (`consensus.lines`).
Where that comes to nothing, one of them is not regular, or wrong: each is looked at by itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Final, NamedTuple

from django.db import DatabaseError, connection

from ledger.consensus import Network, Place
from ledger.consensus.lines import follow

from ..chain_text import weight_of_text
from .beside import Helper
from .blocks import check_all_are_stored, check_text
from .report import Report
from .rows import row_by_row, rows, text_of_any_bytes

Progress = Callable[[int, int], None]

_BLOCKS: Final = 1000
_HEAVIEST: Final = 4096
"""Bytes of a text, of which that many are read at once."""
_AHEAD: Final = 3  # stretches that are being read while one is looked at

_TOGETHER: Final = """
    SELECT {texts}, {hashes}, COUNT(text), COUNT(*) FROM (
        SELECT a."index" AS place, b.hash AS hash,
               CASE WHEN {is_text} AND {weight} <= %s THEN b.canonical END AS text
        FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id
        WHERE a."index" > %s AND a."index" <= %s ORDER BY a."index"
    ) stretch
"""
_BY_SQLITE: Final = {
    "texts": "CAST(group_concat(text, char(10)) AS BLOB)",
    "hashes": "group_concat(hash)",
    "is_text": "typeof(b.canonical) = 'text' AND typeof(b.hash) = 'text'",
}
_BY_POSTGRESQL: Final = {
    "texts": "convert_to(string_agg(text, chr(10) ORDER BY place), 'UTF8')",
    "hashes": "string_agg(hash, ',' ORDER BY place)",
    "is_text": "TRUE",
    "weight": "octet_length(b.canonical)",
}
_EACH: Final = """
    SELECT a."index", b.hash, b.canonical
    FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id
    WHERE a."index" > %s AND a."index" <= %s ORDER BY a."index"
"""


class _Together(NamedTuple):
    """Stored blocks whose indexes have no gap: their texts, a line each, and their hashes."""

    text: bytes
    hashes: list[str]


def check_texts(
    report: Report, network: Network, progress: Progress | None, helper: Helper
) -> None:
    """Check every active block by its text, its hash and the one before it (I2, I3)."""
    ((total, highest),) = rows('SELECT COUNT(*), COALESCE(MAX("index"), 0) FROM ledger_activeblock')
    parent: Place | None = None
    for after, last, together in _stretches(highest, helper):
        place = None
        if together is not None and parent is not None:
            place = follow(parent, *together, network)
        if place is not None:
            parent, report.blocks = place, report.blocks + last - after
        else:
            parent = _check_each(report, network, parent, after, last)
        if progress:
            progress(report.blocks, total)
    check_all_are_stored(report, total)


def _check_each(
    report: Report, network: Network, parent: Place | None, after: int, last: int
) -> Place | None:
    for index, digest, text in row_by_row(_EACH, after, last):
        block = check_text(report, network, parent, index, digest, text)
        parent = Place.of(block) if block else None
        report.blocks += 1
    return parent


def _stretches(highest: int, helper: Helper) -> Iterator[tuple[int, int, _Together | None]]:
    """The active blocks: above which index, up to which, and what is stored, if it is light."""
    waiting: deque[tuple[int, int, Callable[[], _Together | None]]] = deque()
    # A genesis is looked at by itself, and need not draw others along.
    for after, last in pairwise([0, *range(1, highest, _BLOCKS), highest]):
        waiting.append((after, last, helper(partial(_read, after, last))))
        if len(waiting) > _AHEAD:
            after, last, read = waiting.popleft()
            yield after, last, read()
    for after, last, read in waiting:
        yield after, last, read()


def _read(after: int, last: int) -> _Together | None:
    """The blocks above `after` up to `last`; None if one is not there, or is heavy, or no text."""
    try:
        with text_of_any_bytes():
            ((text, hashes, light, count),) = rows(_query(), _HEAVIEST, after, last)
    except DatabaseError:  # of rows read by themselves, it is seen which
        return None
    if not light == count == last - after:
        return None
    return _Together(bytes(text), hashes.split(","))


def _query() -> str:
    if connection.vendor == "postgresql":
        return _TOGETHER.format(**_BY_POSTGRESQL)
    return _TOGETHER.format(**_BY_SQLITE, weight=weight_of_text(connection))
