"""How many transactions wait and how large they are together: what the pool's limits go by.

To count them takes as long as there are many, and submissions come in groups of a few. So between
two blocks a process counts on from what it knew at its last commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.db import connection, transaction

_NEXT_NUMBER: Final = "SELECT COALESCE(MAX(entered), 0) + 1 FROM ledger_transaction"
_NOW: Final = f'SELECT "index" + 1, version, ({_NEXT_NUMBER}) FROM ledger_tip WHERE id = 1'  # noqa: S608
_POOL_SIZE: Final = """
    SELECT COUNT(*), COALESCE(SUM(size), 0) FROM ledger_transaction
    WHERE state IN ('pending', 'returned')
"""
_POOL_SINCE: Final = f"{_POOL_SIZE} AND entered >= %s"


def next_number() -> int:
    """The number of the next transaction that enters, above all that were ever given.

    Rows are never deleted and their numbers only grow (triggers see to both), so the highest there
    is was the last given, whatever has left the pool meanwhile. The index on it makes this cheap.
    """
    return int(_one_row(_NEXT_NUMBER)[0])


def pool_size() -> tuple[int, int]:
    """How many transactions wait, and how many bytes they would take in a block."""
    count, size = _one_row(_POOL_SIZE)
    return int(count), int(size)


@dataclass(slots=True)
class Standing:
    """What a group of submissions meets: the index of the next block, the tip's version, the next
    number, and how many transactions wait and how large they are."""

    index: int
    version: int
    number: int
    count: int = 0
    size: int = 0

    def add(self, count: int, size: int) -> None:
        self.count, self.size = self.count + count, self.size + int(size)


class PoolCount:
    """What one process knows of the pool, and its limits."""

    def __init__(self, *, transactions: int, size: int) -> None:
        self._transactions = transactions
        self._size = size
        self._last: Standing | None = None  # as of the last COMMIT

    def standing(self, count: int, size: int) -> Standing:
        """How things stand, before so much more comes, without counting the whole pool each time.

        Whatever enters the pool gets a new number, and a block, by which most leaves it, moves the
        tip. So what was counted is still there, and what has a higher number is added. What else
        leaves it, as the operator drops it, is noticed when the pool seems to be full.
        """
        now, last = Standing(*_one_row(_NOW)), self._last
        if last and last.version == now.version and last.number <= now.number:
            now.count, now.size = last.count, last.size
            if last.number < now.number:  # another process, or a peer
                now.add(*_one_row(_POOL_SINCE, last.number))
            if self.has_room(now, count, size):
                return now
        now.count, now.size = pool_size()
        return now

    def has_room(self, standing: Standing, count: int, size: int) -> bool:
        has_places = standing.count + count <= self._transactions
        return has_places and standing.size + size <= self._size

    def remember(self, standing: Standing) -> None:
        """Count on from there, once the transaction under way is committed."""
        transaction.on_commit(partial(setattr, self, "_last", standing))


def _one_row(question: str, *values: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(question, values or None)
        return cursor.fetchone()
