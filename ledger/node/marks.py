"""Marks: blocks that the operator declared invalid, and what must not be active because of them.

No active block carries a mark or descends from one that does: every change of the active chain
sees to it. Beside marks, a block that `repairchain` set aside bars what descends from it, until a
good copy came.
"""

from __future__ import annotations

from typing import Final

from django.db import connection

from ledger.models import Block, DamagedBlock, InvalidBlock
from ledger.queries.forks import STALE_PATH

from .errors import MarkedInvalid

# Put together from constants, nothing else.
_IS_SET_ASIDE: Final = """
    EXISTS (
        SELECT 1 FROM ledger_damagedblock d WHERE d.hash = b.hash AND d.canonical = b.canonical
    )
"""
_IS_MARKED: Final = "EXISTS (SELECT 1 FROM ledger_invalidblock m WHERE m.block_id = b.id)"
_FIRST_BARRED: Final = (
    STALE_PATH  # noqa: S608
    + 'SELECT b."index" FROM path JOIN ledger_block b ON b.id = path.id'
    + f' WHERE {_IS_MARKED} OR {_IS_SET_ASIDE} ORDER BY b."index" LIMIT 1'
)
# PostgreSQL knows nothing of how few marks there are, and would read all blocks anew at each step.
_CHILDREN: Final = {
    "sqlite": "ledger_block b ON b.parent_hash = barred.hash",
    "postgresql": "LATERAL ("
    "SELECT c.id, c.hash FROM ledger_block c WHERE c.parent_hash = barred.hash OFFSET 0"
    ") b ON TRUE",
}
_LONGEST: Final = f"""
    WITH RECURSIVE barred(id, hash) AS (
        SELECT b.id, b.hash FROM ledger_block b WHERE {_IS_MARKED}
        UNION
        SELECT b.id, b.hash FROM ledger_block b JOIN ledger_damagedblock d
            ON d.hash = b.hash AND d.canonical = b.canonical
        UNION
        SELECT b.id, b.hash FROM barred JOIN {{children}}
    ), free(id, "index") AS (
        SELECT b.id, b."index" FROM ledger_block b LEFT JOIN barred ON barred.id = b.id
        WHERE barred.id IS NULL
    )
    SELECT id FROM free WHERE "index" = (SELECT MAX("index") FROM free) ORDER BY id
"""  # noqa: S608
# An active ancestor has no mark, so the stale ones are enough.
_ANCESTORS: Final = (
    STALE_PATH  # noqa: S608
    + "SELECT m.block_id FROM path JOIN ledger_invalidblock m ON m.block_id = path.id"
)
_DESCENDANTS: Final = """
    WITH RECURSIVE below(id, hash) AS (
        SELECT id, hash FROM ledger_block WHERE id = %s
        UNION ALL
        SELECT b.id, b.hash FROM below JOIN ledger_block b ON b.parent_hash = below.hash
    )
    SELECT m.block_id FROM below JOIN ledger_invalidblock m ON m.block_id = below.id
"""


def hashes() -> set[str]:
    """The hashes of all marked blocks."""
    return set(InvalidBlock.objects.values_list("block__hash", flat=True))


def check_path(block: Block) -> None:
    """Raise `MarkedInvalid` if a mark keeps `block` from being active, on it or below it."""
    if not InvalidBlock.objects.exists() and not DamagedBlock.objects.exists():
        return
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_BARRED, [block.pk])
        if row := cursor.fetchone():
            raise MarkedInvalid(row[0])


def longest_without() -> list[int]:
    """The blocks (rows) that may be active and are as high as any such; first seen, first."""
    with connection.cursor() as cursor:
        cursor.execute(_LONGEST.format(children=_CHILDREN[connection.vendor]))
        return [pk for (pk,) in cursor.fetchall()]


def around(block: Block) -> list[InvalidBlock]:
    """The marks on a block, its ancestors and its descendants, in the order they were set."""
    found = set[int]()
    with connection.cursor() as cursor:
        for query in (_ANCESTORS, _DESCENDANTS):
            cursor.execute(query, [block.pk])
            found.update(pk for (pk,) in cursor.fetchall())
    return list(InvalidBlock.objects.filter(block__in=found).order_by("pk"))
