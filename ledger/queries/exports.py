"""Everything there is of something, in order, a portion at a time.

Each function answers with the rows behind a key and with the key to go on behind, on the connection
of a snapshot (`ledger.node.reading`): a whole export is of one moment, and costs the memory of one
portion. Every portion is a range of an index.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

Key = tuple[int, ...]
Row = tuple[Any, ...]

_PORTION: Final = 2000  # rows
_UNTIL: Final = 2**62  # above every index

_BLOCKS: Final = """
    SELECT a."index", b.hash, b.parent_hash, b.timestamp, b.proof, b.transaction_count,
        b.irregular_count, b.size, b.origin, b.source
    FROM ledger_activeblock a CROSS JOIN ledger_block b
    WHERE b.id = a.block_id AND a."index" > %s AND a."index" <= %s
    ORDER BY a."index" LIMIT %s
"""
_TRANSACTIONS: Final = """
    SELECT a."index", i.position, b.hash, t.uid, s.name, r.name, i.amount, i.irregular
    FROM ledger_activeblock a
    JOIN ledger_inclusion i ON i.block_id = a.block_id
    JOIN ledger_block b ON b.id = a.block_id
    LEFT JOIN ledger_address s ON s.id = i.sender_id
    LEFT JOIN ledger_address r ON r.id = i.recipient_id
    LEFT JOIN ledger_transaction t ON t.id = i.transaction_id
    WHERE a."index" >= %s AND (a."index" > %s OR i.position > %s) AND a."index" <= %s
    ORDER BY a."index", i.position LIMIT %s
"""
_SIDE: Final = """
    SELECT * FROM (
        SELECT id, "index", position FROM ledger_inclusion
        WHERE {side} = %s AND ("index", position, id) > (%s, %s, %s)
        ORDER BY "index", position, id LIMIT %s
    ) {side}s
"""
# Both sides by their own index, then as one: an entry sent to oneself comes once.
_MOVEMENTS: Final = f"""
    SELECT i."index", i.position, i.id, b.hash, b.timestamp, t.uid, s.name, r.name, i.amount,
        i.irregular, i.sender_id, i.recipient_id, a.block_id
    FROM (
        SELECT id FROM ({_SIDE.format(side="sender_id")} UNION {_SIDE.format(side="recipient_id")}
            ORDER BY "index", position, id LIMIT %s) merged
    ) picked
    JOIN ledger_inclusion i ON i.id = picked.id
    JOIN ledger_block b ON b.id = i.block_id
    LEFT JOIN ledger_activeblock a ON a.block_id = i.block_id
    LEFT JOIN ledger_address s ON s.id = i.sender_id
    LEFT JOIN ledger_address r ON r.id = i.recipient_id
    LEFT JOIN ledger_transaction t ON t.id = i.transaction_id
    ORDER BY i."index", i.position, i.id
"""  # noqa: S608 - put together from constants


class Portion(NamedTuple):
    """Rows, and the key behind which there are more; None behind the last."""

    rows: Sequence[Row]
    following: Key | None


Portions = Callable[[Key | None, BaseDatabaseWrapper], Portion]
"""Answers with the portion behind a key, or the first."""


@dataclass(frozen=True, slots=True)
class Table:
    """An export: the names of its columns, and where its rows come from."""

    columns: tuple[str, ...]
    portion: Portions


def blocks(first: int = 1, last: int | None = None) -> Table:
    """The active chain's blocks, without their texts, between two indexes, both included."""
    until = _UNTIL if last is None else last

    def portion(behind: Key | None, own: BaseDatabaseWrapper) -> Portion:
        (index,) = behind or (first - 1,)
        rows = _fetched(own, _BLOCKS, [index, until, _PORTION])
        return Portion(rows, (rows[-1][0],) if len(rows) == _PORTION else None)

    names = ("index", "hash", "previous_hash", "timestamp", "proof", "transactions")
    return Table((*names, "irregular", "size", "origin", "source"), portion)


def transactions(first: int = 1, last: int | None = None) -> Table:
    """All transactions in those blocks, regular or not."""
    until = _UNTIL if last is None else last

    def portion(behind: Key | None, own: BaseDatabaseWrapper) -> Portion:
        index, position = behind or (first, -1)
        rows = _fetched(own, _TRANSACTIONS, [index, index, position, until, _PORTION])
        following = (rows[-1][0], rows[-1][1]) if len(rows) == _PORTION else None
        return Portion([_transaction(row) for row in rows], following)

    names = ("index", "position", "hash", "id", "sender", "recipient", "amount", "irregular")
    return Table(names, portion)


def history(address: int) -> Table:
    """The history of an address (row) on the active chain, oldest first, with its balance after
    each entry."""

    def portion(behind: Key | None, own: BaseDatabaseWrapper) -> Portion:
        *place, balance = behind or (0, -1, 0, 0)
        side = [address, *place, _PORTION]
        rows = _fetched(own, _MOVEMENTS, [*side, *side, _PORTION])
        told = []
        for row in rows:
            if row[12] is not None:  # else its block is stale
                change = _change(row, address)
                balance += change
                told.append(_movement(row, change, balance))
        following = (*rows[-1][:3], balance) if len(rows) == _PORTION else None
        return Portion(told, following)

    names = ("index", "position", "hash", "timestamp", "id", "sender", "recipient", "irregular")
    return Table((*names, "change", "balance"), portion)


def _fetched(own: BaseDatabaseWrapper, query: str, parameters: Sequence[Any]) -> list[Row]:
    with own.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def _transaction(row: Row) -> Row:
    index, position, digest, uid, *rest = row
    return (index, position, digest, _id(uid), *rest)


def _movement(row: Row, change: int, balance: int) -> Row:
    index, position, _, digest, timestamp, uid, sender, recipient, _, irregular = row[:10]
    place = (index, position, digest, timestamp, _id(uid))
    return (*place, sender, recipient, irregular, change, balance)


def _change(row: Row, address: int) -> int:
    amount = row[8] or 0
    return (amount if row[11] == address else 0) - (amount if row[10] == address else 0)


def _id(uid: Any) -> str | None:
    """As one database keeps a UUID, and as another."""
    return None if uid is None else str(uuid.UUID(str(uid)))
