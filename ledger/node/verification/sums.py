"""The addresses' totals, summed up along an index: a short cut to the verdict that they are right.

Summing up row by row sorts all inclusions. In the index by content they stand sorted, and SQLite
need not look at the table. What is only in the index is no truth, so the two are compared by a
checksum; and whatever differs here is no fault yet, it is looked at row by row (`tables`).
"""

from __future__ import annotations

from typing import Final

from django.db import DatabaseError, connection

from ..totals import HALF
from .rows import rows

_INDEX: Final = "inclusion_content"
_CHECKSUM: Final = """
    SELECT COUNT(*), SUM(
        (COALESCE(sender_id, 0) * 31 + COALESCE(recipient_id, 0)) % 65521
        * (COALESCE(amount, -1) % 65521)
    ) FROM ledger_inclusion
"""
# All inclusions but those of blocks that are not active: of these there are few.
_PAIRS: Final = """
    SELECT sender_id AS sender, recipient_id AS recipient, COUNT(*) AS entries,
           SUM(amount / 2147483648) AS high, SUM(amount % 2147483648) AS low
    FROM ledger_inclusion INDEXED BY inclusion_content GROUP BY sender_id, recipient_id
    UNION ALL
    SELECT sender_id, recipient_id, -COUNT(*),
           -SUM(amount / 2147483648), -SUM(amount % 2147483648)
    FROM ledger_inclusion
    WHERE block_id IN (
        SELECT DISTINCT block_id FROM ledger_inclusion
        EXCEPT SELECT block_id FROM ledger_activeblock
    ) GROUP BY sender_id, recipient_id
"""
_SUMS: Final = f"""
    WITH pairs AS ({_PAIRS})
    SELECT address, SUM(high_in), SUM(low_in), SUM(high_out), SUM(low_out), SUM(entries)
    FROM (
        SELECT recipient AS address, COALESCE(high, 0) AS high_in, COALESCE(low, 0) AS low_in,
               0 AS high_out, 0 AS low_out, entries
        FROM pairs WHERE recipient IS NOT NULL
        UNION ALL
        SELECT sender, 0, 0, COALESCE(high, 0), COALESCE(low, 0),
               CASE WHEN sender = recipient THEN 0 ELSE entries END
        FROM pairs WHERE sender IS NOT NULL
    )
    GROUP BY address HAVING SUM(entries) <> 0 ORDER BY address
"""  # noqa: S608 - put together from constants


def are_plainly_right() -> bool:
    """Whether all totals are the sums over the active chain, as far as that is soon told."""
    if connection.vendor != "sqlite" or not list(
        rows("SELECT 1 FROM sqlite_master WHERE type = 'index' AND name = %s", _INDEX)
    ):
        return False
    try:
        table, index = (
            list(rows(f"{_CHECKSUM} {which}")) for which in ("NOT INDEXED", f"INDEXED BY {_INDEX}")
        )
        return table == index and _agree()
    except DatabaseError:  # of values that cannot be summed, say
        return False


def _agree() -> bool:
    sums = rows(_SUMS)
    due = next(sums, None)
    for pk, *stored in rows("SELECT id, received, sent, entries FROM ledger_address ORDER BY id"):
        expected = ["0", "0", 0]
        if due is not None and due[0] == pk:
            _, high_in, low_in, high_out, low_out, entries = due
            expected = [str(high_in * HALF + low_in), str(high_out * HALF + low_out), entries]
            due = next(sums, None)
        if stored != expected:
            return False
    return due is None
