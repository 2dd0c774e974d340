"""The active chain, from one block to the next: at a glance where that is enough, else closely."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from ledger.consensus import Place
from ledger.consensus.shape import Shape

from ..identity import Identity
from . import sight
from .beside import Helper
from .blocks import COLUMNS, Entries, check_active_block, check_all_are_stored
from .report import Report
from .rows import rows

Progress = Callable[[int, int], None]

_BLOCKS: Final = 1000  # to a stretch
_CHARACTERS: Final = 1024 * 1024
_AHEAD: Final = 4  # stretches that are being read while one is looked at

_EXTENT: Final = """
    SELECT a."index", b.size, b.timestamp
    FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id
    WHERE a."index" > %s ORDER BY a."index"
"""
_ACTIVE: Final = f"""
    SELECT a."index", b.canonical, b.origin, {COLUMNS}
    FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id
    WHERE a."index" >= %s AND a."index" <= %s ORDER BY a."index"
"""  # noqa: S608 - put together from constants
_PLACE: Final = """
    SELECT a."index", b.proof, b.hash
    FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id WHERE a."index" = %s
"""


class _Stretch(NamedTuple):
    """Some active blocks in a row: their indexes, and their timestamps as columns have them."""

    indexes: list[int]
    times: list[Any]

    @property
    def is_whole(self) -> bool:
        return self.indexes[-1] - self.indexes[0] + 1 == len(self.indexes)


def check_active_blocks(
    report: Report, identity: Identity, progress: Progress | None, last: int | None, helper: Helper
) -> None:
    """Check the `last` active blocks, or all: texts, links, proofs, rows and rewards (I2 to I5)."""
    ((total,),) = rows("SELECT COUNT(*) FROM ledger_activeblock")
    below = 0 if last is None else max(0, total - last)
    total -= below
    parent: Place | None = None
    for index, proof, digest in rows(_PLACE, below):
        parent = Place(index, int(proof), digest) if proof.isdigit() else None
    shape = identity.network.dialect.shape if sight.may_look() else None
    glance = sight.Glance(identity, shape) if shape else None
    told = 0
    for stretch, seen in _seen(shape, below, helper):
        parent = _check(report, identity, parent, stretch, glance, seen)
        report.blocks += len(stretch.indexes)
        if progress and report.blocks - told >= _BLOCKS:
            told = report.blocks
            progress(told, total)
    check_all_are_stored(report, total)
    if progress:
        progress(report.blocks, total)


def _check(
    report: Report,
    identity: Identity,
    parent: Place | None,
    stretch: _Stretch,
    glance: sight.Glance | None,
    seen: sight.Seen | None,
) -> Place | None:
    """Check a stretch; answer where its last block stands, None if that cannot be read."""
    first, last = stretch.indexes[0], stretch.indexes[-1]
    closely = _Closely(report, identity, first, last)
    if glance is None or seen is None or parent is None:
        for _ in stretch.indexes:
            parent = closely.check_next(parent)
        return parent
    if (all_rewards := glance.accept_all(parent, first, stretch.times, seen)) is not None:
        report.transactions += sum(seen.counts)
        report.supply += all_rewards
        return seen.place(first, last - first)
    is_certain = True  # that the block before stands where its columns say
    for at, rewards in enumerate(glance.accepted(parent, first, stretch.times, seen)):
        if is_certain and rewards is not None:
            report.transactions += seen.counts[at]
            report.supply += rewards
            continue
        if at and is_certain:
            parent = seen.place(first, at - 1)
        parent = closely.check(first + at, parent)
        is_certain = parent is not None and parent == seen.place(first, at)
    return seen.place(first, last - first) if is_certain else parent


class _Closely:
    """Looks at blocks of a stretch one by one, in ascending order; nothing is read before."""

    def __init__(self, report: Report, identity: Identity, first: int, last: int) -> None:
        self._report = report
        self._identity = identity
        self._rows = rows(_ACTIVE, first, last)
        self._entries: Entries | None = None
        self._last = last

    def check(self, index: int, parent: Place | None) -> Place | None:
        row = next(row for row in self._rows if row[0] == index)
        return self._check(row, parent)

    def check_next(self, parent: Place | None) -> Place | None:
        return self._check(next(self._rows), parent)

    def _check(self, row: tuple[Any, ...], parent: Place | None) -> Place | None:
        self._entries = self._entries or Entries.of_active(row[0], self._last)
        return check_active_block(self._report, self._identity, parent, row, self._entries)


def _seen(
    shape: Shape | None, below: int, helper: Helper
) -> Iterator[tuple[_Stretch, sight.Seen | None]]:
    """The active blocks in stretches, each with what its rows say, if there is a shape."""
    waiting: deque[tuple[_Stretch, Callable[[], sight.Seen | None]]] = deque()
    for stretch in _stretches(below):
        read: Callable[[], sight.Seen | None] = _nothing
        if shape is not None and stretch.is_whole:
            first, last = stretch.indexes[0], stretch.indexes[-1]
            read = helper(partial(sight.read, shape, first, last))
        waiting.append((stretch, read))
        if len(waiting) > _AHEAD:
            stretch, read = waiting.popleft()
            yield stretch, read()
    for stretch, read in waiting:
        yield stretch, read()


def _nothing() -> None:
    """Of a stretch that cannot be told at a glance."""


def _stretches(below: int) -> Iterator[_Stretch]:
    """The active blocks above `below`, so many at once as take little memory."""
    stretch, weight = _Stretch([], []), 0
    for index, size, time in rows(_EXTENT, below):
        stretch.indexes.append(index)
        stretch.times.append(time)
        weight += size
        # A genesis is looked at closely, and need not draw others along.
        if index == 1 or len(stretch.indexes) == _BLOCKS or weight > _CHARACTERS:
            yield stretch
            stretch, weight = _Stretch([], []), 0
    if stretch.indexes:
        yield stretch
