"""Blocks: pages of the active chain, one block with what surrounds it, and its contents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.consensus import Network
from ledger.models import ActiveBlock, Block, Inclusion, Tip, Transaction

LARGEST_PAGE: Final = 200
_INDEX_DIGITS: Final = 18
_UNTIMED: Final = 50  # blocks in a row that say no time, looked through for one that does


@dataclass(frozen=True, slots=True)
class BlockPage:
    """Blocks of the active chain, highest index first. `tip` is the chain's length."""

    blocks: Sequence[Block]
    tip: int

    @property
    def newer(self) -> int | None:
        """The index to continue above, where there is more."""
        first = self.blocks[0].index if self.blocks else 0
        return first if first < self.tip else None

    @property
    def older(self) -> int | None:
        """The index to continue below, where there is more."""
        last = self.blocks[-1].index if self.blocks else 1
        return last if last > 1 else None


def page(*, below: int | None = None, above: int | None = None, limit: int = 25) -> BlockPage:
    """A page of at most `limit` blocks: the newest, or those next below or above an index."""
    limit = max(1, min(limit, LARGEST_PAGE))
    tip = tip_index()
    if above is not None:
        highest = min(max(above, 0) + limit, tip)
    elif below is not None:
        highest = min(below - 1, tip)
    else:
        highest = tip
    highest = max(highest, 0)
    rows = ActiveBlock.objects.filter(index__lte=highest, index__gt=highest - limit)
    # A block's text may be a megabyte: lists of blocks leave it where it is.
    ordered = rows.select_related("block").defer("block__canonical").order_by("-index")
    return BlockPage([row.block for row in ordered], tip)


def stretch(first: int, last: int, limit: int, *, newest_first: bool) -> list[Block]:
    """At most `limit` blocks of the active chain between two indexes, both included, without their
    texts."""
    rows = ActiveBlock.objects.filter(index__gte=first, index__lte=last)
    ordered = rows.select_related("block").defer("block__canonical")
    ordered = ordered.order_by("-index" if newest_first else "index")
    return [row.block for row in ordered[: max(1, min(limit, LARGEST_PAGE))]]


def tip_index() -> int:
    return Tip.objects.values_list("index", flat=True).get(pk=1)


@dataclass(frozen=True, slots=True)
class BlockView:
    """A block and its place. `confirmations` counts the blocks from it to the tip, itself
    included; 0 for a stale one. `following` is the hash of its successor on the active chain;
    `instead` the active block of its index, for a stale one."""

    block: Block
    parent: Block | None
    active: bool
    confirmations: int
    tip: int
    following: str | None
    instead: Block | None


def find(reference: str) -> Block | None:
    """The block an index, or a whole hash in any case, names. An index names the active block."""
    text = reference.strip()
    if text.isascii() and text.isdigit() and len(text) <= _INDEX_DIGITS:
        row = ActiveBlock.objects.select_related("block").filter(pk=int(text)).first()
        return row.block if row else None
    if len(text) == 64:
        return Block.objects.filter(hash=text.lower()).first()
    return None


def view(block: Block) -> BlockView:
    """A block with what surrounds it. The texts of its neighbours are left where they are."""
    tip = tip_index()
    rows = ActiveBlock.objects.select_related("block").defer("block__canonical")
    near = {row.index: row.block for row in rows.filter(index__in=[block.index, block.index + 1])}
    here, following = near.get(block.index), near.get(block.index + 1)
    active = here is not None and here.pk == block.pk
    parent = (
        Block.objects.defer("canonical").filter(hash=block.parent_id).first()
        if block.parent_id
        else None
    )
    return BlockView(
        block=block,
        parent=parent,
        active=active,
        confirmations=tip - block.index + 1 if active else 0,
        tip=tip,
        following=following.hash if active and following else None,
        instead=None if active else here,
    )


def moved(block: Block) -> int:
    """What the regular transactions of a block add up to. Summed here: the sum of 64-bit integers
    is no 64-bit integer, and SQLite refuses it."""
    rows = Inclusion.objects.filter(block=block, amount__isnull=False)
    return sum(amount or 0 for amount in rows.values_list("amount", flat=True))


@dataclass(frozen=True, slots=True)
class Entry:
    """A transaction in a block: the JSON value as it was hashed, and the row that indexes it."""

    position: int
    value: dict[str, Any]
    inclusion: Inclusion

    @property
    def own(self) -> Transaction | None:
        """The transaction this node acknowledged, if it is one of those."""
        return self.inclusion.transaction


def transactions(block: Block, network: Network) -> list[dict[str, Any]]:
    """The transactions in a block's text, read as its network reads them."""
    values: list[dict[str, Any]] = network.dialect.decoder.decode(block.canonical)["transactions"]
    return values


def entries(
    block: Block, values: Sequence[dict[str, Any]], *, start: int = 0, limit: int = 100
) -> list[Entry]:
    """A block's transactions in its order, from position `start` on. `values` are all of them."""
    rows = (
        Inclusion.objects.filter(block=block, position__gte=start, position__lt=start + limit)
        .select_related("transaction", "sender", "recipient")
        .order_by("position")
    )
    return [Entry(row.position, values[row.position], row) for row in rows]


def at_time(moment: float) -> Block | None:
    """The active block of a moment (Unix time): the last one whose timestamp is not after it.

    Nobody promises that timestamps are in order, so this is a search by halves that gives the
    right block where they are, and a near one where they are not.
    """
    lowest, highest = 1, tip_index()
    found: Block | None = None
    while lowest <= highest:
        middle = (lowest + highest) // 2
        block = _timed(lowest, middle)
        if block is None or block.timestamp is None:
            lowest = middle + 1
        elif block.timestamp <= moment:
            found, lowest = block, middle + 1
        else:
            highest = block.index - 1
    return found


def _timed(lowest: int, index: int) -> Block | None:
    """The block of an index or, where it says no readable time, the next one below that does."""
    rows = ActiveBlock.objects.filter(
        index__gte=max(lowest, index - _UNTIMED), index__lte=index, block__timestamp__isnull=False
    )
    row = rows.select_related("block").defer("block__canonical").order_by("-index").first()
    return row.block if row else None
