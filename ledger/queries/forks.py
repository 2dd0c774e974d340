"""Forks: the journal of reorganisations, and a tree of what grew beside the active chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db import connection

from ledger.models import ActiveBlock, Block, Reorganisation, ReorganisedTransaction

LARGEST_PAGE: Final = 100
_BRANCHES: Final = 12
_SHOWN: Final = 12  # blocks of one side branch

# From a block down to, and without, the first active one: a constant to begin queries with.
STALE_PATH: Final = """
    WITH RECURSIVE path(id, parent_hash, "index") AS (
        SELECT b.id, b.parent_hash, b."index" FROM ledger_block b
        WHERE b.id = %s
        AND NOT EXISTS (SELECT 1 FROM ledger_activeblock a WHERE a.block_id = b.id)
        UNION ALL
        SELECT b.id, b.parent_hash, b."index"
        FROM path JOIN ledger_block b ON b.hash = path.parent_hash
        WHERE NOT EXISTS (SELECT 1 FROM ledger_activeblock a WHERE a.block_id = b.id)
    )
"""


@dataclass(frozen=True, slots=True)
class SideBranch:
    """Stale blocks from just above the fork up to `tip`; the lowest ones are left out where there
    are more than a page shows. `fork_index` is the last index shared with the active chain."""

    tip: Block
    blocks: Sequence[Block]
    fork_index: int

    @property
    def length(self) -> int:
        return self.tip.index - self.fork_index


def journal(limit: int = 25, *, before: int | None = None) -> list[Reorganisation]:
    """Reorganisations, newest first, from before a row on."""
    rows = Reorganisation.objects.select_related("old_tip", "new_tip").order_by("-pk")
    limit = max(1, min(limit, LARGEST_PAGE))
    return list((rows if before is None else rows.filter(pk__lt=before))[:limit])


def effects(reorganisation: Reorganisation, limit: int = 100) -> list[ReorganisedTransaction]:
    """What it did to our transactions, in the order of their arrival."""
    rows = ReorganisedTransaction.objects.filter(reorganisation=reorganisation)
    return list(rows.select_related("transaction").order_by("transaction_id")[:limit])


def side_branches(limit: int = _BRANCHES) -> list[SideBranch]:
    """The newest side branches: every chain the node left is one, unless it came back to it."""
    branches: dict[int, SideBranch] = {}
    left = Reorganisation.objects.select_related("old_tip").order_by("-pk")[: limit * 2]
    for row in left:
        tip = row.old_tip
        if len(branches) < limit and tip.pk not in branches and (branch := _branch(tip)):
            branches[tip.pk] = branch
    return list(branches.values())


def _branch(tip: Block) -> SideBranch | None:
    """The stale blocks below and with `tip`, as far as shown; None if it is active."""
    blocks: list[Block] = []
    block: Block | None = tip
    while block is not None and len(blocks) < _SHOWN:
        if ActiveBlock.objects.filter(block=block).exists():
            break
        blocks.append(block)
        block = block.parent
    if not blocks:
        return None
    return SideBranch(tip, blocks[::-1], _fork_index(blocks[-1]))


def _fork_index(block: Block) -> int:
    """The last active index below a stale block; 0 where not even the genesis is shared."""
    with connection.cursor() as cursor:
        cursor.execute(STALE_PATH + 'SELECT MIN("index") FROM path', [block.pk])  # noqa: S608
        return int(cursor.fetchone()[0]) - 1
