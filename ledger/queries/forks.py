"""Forks: the journal of reorganisations, and a tree of what grew beside the active chain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import Count, QuerySet

from ledger.models import Block, Inclusion, InvalidBlock, Reorganisation, ReorganisedTransaction

LARGEST_PAGE: Final = 100
_BRANCHES: Final = 12
_WALKED: Final = 256  # blocks below a stale tip that are looked through for the fork

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

_NEAREST_MARK: Final = (
    STALE_PATH  # noqa: S608 - put together from constants
    + "SELECT m.id FROM path JOIN ledger_invalidblock m ON m.block_id = path.id"
    + ' ORDER BY path."index" DESC LIMIT 1'
)

# The same for several tips at once, each no deeper than a page can use.
_STALE_PATHS: Final = """
    WITH RECURSIVE path(tip, depth, "index", hash, parent_hash) AS (
        SELECT b.id, 0, b."index", b.hash, b.parent_hash FROM ledger_block b
        WHERE b.id IN ({tips})
        AND NOT EXISTS (SELECT 1 FROM ledger_activeblock a WHERE a.block_id = b.id)
        UNION ALL
        SELECT path.tip, path.depth + 1, b."index", b.hash, b.parent_hash
        FROM path JOIN ledger_block b ON b.hash = path.parent_hash
        WHERE path.depth < %s
        AND NOT EXISTS (SELECT 1 FROM ledger_activeblock a WHERE a.block_id = b.id)
    )
    SELECT tip, "index", hash FROM path ORDER BY tip, "index"
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A block's place: all that a tree needs of it."""

    index: int
    hash: str


@dataclass(frozen=True, slots=True)
class SideBranch:
    """Stale blocks up to the last of `blocks`. The lowest are left out where there are very many.

    `fork_index` is the last index shared with the active chain, 0 where not even the genesis is;
    `left` is the reorganisation that left it last.
    """

    blocks: Sequence[Place]
    fork_index: int
    left: Reorganisation

    @property
    def tip(self) -> Place:
        return self.blocks[-1]

    @property
    def length(self) -> int:
        return self.tip.index - self.fork_index


def journal(limit: int = 25, *, before: int | None = None) -> list[Reorganisation]:
    """Reorganisations, newest first, from before a row on."""
    rows = _reorganisations()
    limit = max(1, min(limit, LARGEST_PAGE))
    return list((rows if before is None else rows.filter(pk__lt=before))[:limit])


def find(pk: int) -> Reorganisation | None:
    return _reorganisations().filter(pk=pk).first()


def count() -> int:
    return Reorganisation.objects.count()


def effect_counts(rows: Iterable[Reorganisation]) -> dict[int, dict[str, int]]:
    """By reorganisation and effect, how many of our transactions it touched."""
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    grouped = (
        ReorganisedTransaction.objects.filter(reorganisation__in=[row.pk for row in rows])
        .order_by()
        .values_list("reorganisation_id", "effect")
        .annotate(number=Count("pk"))
    )
    for pk, effect, number in grouped:
        counts[pk][effect] = number
    return counts


def effects(reorganisation: Reorganisation, limit: int = 100) -> list[ReorganisedTransaction]:
    """What it did to our transactions, in the order of their arrival."""
    rows = ReorganisedTransaction.objects.filter(reorganisation=reorganisation)
    return list(rows.select_related("transaction").order_by("transaction_id")[:limit])


def side_branches(limit: int = _BRANCHES) -> list[SideBranch]:
    """The newest side branches: every chain the node left is one, unless it came back to it."""
    rows = list(_reorganisations()[: limit * 2])
    left = {row.old_tip_id: row for row in reversed(rows)}  # of several, the newest
    paths = _stale_paths(list(left))
    inner = {place.hash for path in paths.values() for place in path[:-1]}
    found = []
    for pk in sorted(paths, key=lambda pk: -left[pk].pk):
        blocks = paths[pk]
        if blocks[-1].hash not in inner:  # else it grew on: the longer one holds it
            found.append(SideBranch(blocks, _fork_index(blocks, left[pk], rows), left[pk]))
    return found[:limit]


def walk(tip: Block, fork_index: int, limit: int) -> list[Place]:
    """The blocks from `tip` down to above `fork_index`, at most `limit`, highest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE path(depth, "index", hash, parent_hash) AS (
                SELECT 0, b."index", b.hash, b.parent_hash FROM ledger_block b
                WHERE b.id = %s AND b."index" > %s
                UNION ALL
                SELECT path.depth + 1, b."index", b.hash, b.parent_hash
                FROM path JOIN ledger_block b ON b.hash = path.parent_hash
                WHERE path.depth < %s AND b."index" > %s
            )
            SELECT "index", hash FROM path ORDER BY depth
            """,
            [tip.pk, fork_index, limit - 1, fork_index],
        )
        return [Place(*row) for row in cursor.fetchall()]


def mark_on(block: Block) -> InvalidBlock | None:
    """The operator's mark that keeps a stale block off the chain: its own, or that of the nearest
    block below it."""
    if not InvalidBlock.objects.exists():
        return None
    with connection.cursor() as cursor:
        cursor.execute(_NEAREST_MARK, [block.pk])
        row = cursor.fetchone()
    marks = InvalidBlock.objects.select_related("block").defer("block__canonical")
    return marks.get(pk=row[0]) if row else None


def places_now(transactions: Iterable[int]) -> dict[int, int]:
    """By transaction (row), the index of the active block it is in, of those that are in one."""
    rows = Inclusion.objects.filter(transaction__in=list(transactions), block__active__isnull=False)
    return {pk: index for pk, index in rows.values_list("transaction_id", "index") if pk}


def active_among(hashes: Iterable[str]) -> set[str]:
    """Which of these blocks are on the active chain now."""
    rows = Block.objects.filter(hash__in=list(hashes), active__isnull=False)
    return set(rows.values_list("hash", flat=True))


def _reorganisations() -> QuerySet[Reorganisation]:
    """Newest first, with their tips, but without these blocks' texts."""
    rows = Reorganisation.objects.select_related("old_tip", "new_tip").order_by("-pk")
    return rows.defer("old_tip__canonical", "new_tip__canonical")


def _stale_paths(tips: Sequence[int]) -> dict[int, list[Place]]:
    """By tip, the stale blocks up to it; no entry for a tip that is active."""
    if not tips:
        return {}
    query = _STALE_PATHS.replace("{tips}", ", ".join(["%s"] * len(tips)))
    paths: dict[int, list[Place]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(query, [*tips, _WALKED - 1])
        for tip, index, digest in cursor.fetchall():
            paths[tip].append(Place(index, digest))
    return dict(paths)


def _fork_index(
    blocks: Sequence[Place], left: Reorganisation, rows: Sequence[Reorganisation]
) -> int:
    """The last active index below a path of stale blocks.

    A path that ends short was walked down to the fork. Of a longer one the journal tells: it left
    the chain where it was left, or lower, where a later reorganisation cut deeper.
    """
    if len(blocks) < _WALKED:
        return blocks[0].index - 1
    return min(row.fork_index for row in rows if row.pk >= left.pk)


def card() -> dict[str, Any]:
    """How often the chain was reorganised, and the last time."""
    last = _reorganisations().first()
    described = last and {
        "id": last.pk,
        "at": last.at.isoformat(),
        "disconnected": last.disconnected,
    }
    return {"count": count(), "last": described}
