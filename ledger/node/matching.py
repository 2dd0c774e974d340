"""Which entry of a block stands for which transaction.

On the wire of old a transaction is its content and nothing else. So entries are matched with
transactions by content, one for one: of two identical submissions and one identical entry, one is
confirmed and the other waits. A match is kept for good, on stale blocks too.

**Why each acknowledgement is on the chain exactly once**, although nodes may disagree on which of
two identical ones an entry stands for. Let K be the acknowledgements of one content, all over the
network, and E its entries on a chain.

*Never more.* A node seals one more of a content only if one waits here; and one waits only if no
free entry of the chain can be it: a block that comes is matched with all that waits, and what comes
late (`relayed`) is looked for in the blocks that are there. An entry can be a transaction unless it
is at or below its `floor`, where the chain ended when it was acknowledged, or lower if that is not
known any more: too low is safe. So with the entries that this node has matched, and those that only
nodes elsewhere can explain, the one that waits still has an acknowledgement of its own: E < K.

*Never fewer.* Peers tell each other all they know, what is confirmed at them included: otherwise
two nodes could take one entry for two transactions, each for the one it knows, and none would be
left waiting. When all know all of K and E < K, then at each node something of K is matched with no
entry: it waits, or was released. The node that acknowledged the first of K never releases any of
them, since it puts back what cannot be told from its own. There one waits.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from django.db import connection

from ledger.models import Address, Block, Inclusion, Transaction

from . import mempool
from .mempool import Content, State

_CHUNK: Final = 500
_CONTENT: Final = ("sender__name", "recipient__name", "amount")

_FREE: Final = """
    SELECT i.id, i.block_id, i.position FROM ledger_inclusion i
    JOIN ledger_activeblock a ON a.block_id = i.block_id
    WHERE i.sender_id = %s AND i.recipient_id = %s AND i.amount = %s AND i."index" > %s
      AND i.transaction_id IS NULL AND i.irregular = ''
    ORDER BY i."index", i.position
"""


class FreeEntries:
    """Entries of the active chain that stand for no transaction yet. Each is given out once."""

    def __init__(self, names: Iterable[str]) -> None:
        self._ids: dict[str, int] = {}
        wanted = sorted(set(names))
        for start in range(0, len(wanted), _CHUNK):
            rows = Address.objects.filter(name__in=wanted[start : start + _CHUNK])
            self._ids.update(rows.values_list("name", "id"))
        self._given = set[int]()

    def take(self, content: Content, floor: int) -> int | None:
        """The lowest entry above `floor` that says just this; None if there is none."""
        sender, recipient = self._ids.get(content[0]), self._ids.get(content[1])
        if sender is None or recipient is None:
            return None
        with connection.cursor() as cursor:
            cursor.execute(_FREE, [sender, recipient, content[2], floor])
            for entry, block, position in cursor.fetchall():
                if entry not in self._given and _is_plain(_transactions_of(block)[position]):
                    self._given.add(entry)
                    return int(entry)
        return None


def link(pairs: Iterable[tuple[int, int]]) -> None:
    """Let entries stand for transactions: pairs of a transaction's row and an entry's."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE ledger_inclusion SET transaction_id = %s WHERE id = %s", list(pairs)
        )


def match_with_blocks_above(index: int, undone: set[int]) -> set[int]:
    """Find unconfirmed transactions on the newly connected blocks, and confirm those found.

    `undone` are those whose block was just disconnected; with the pool they are the candidates,
    oldest first, and behind them those that were released. Each entry of a block stands for one of
    them at most.
    """
    waiting: dict[Content, list[int]] = defaultdict(list)
    for pk, sender, recipient, amount in _candidates(undone):
        waiting[sender, recipient, amount].append(pk)
    if not waiting:
        return set()
    floors = _floors(index, [pk for pks in waiting.values() for pk in pks])
    pairs = list(_pairs(waiting, index, floors))
    link(pairs)
    found = {pk for pk, _ in pairs}
    mempool.set_state(found, State.CONFIRMED)
    return found


def _pairs(
    waiting: Mapping[Content, list[int]], index: int, floors: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """Transactions, the oldest first, with the entries above `index` that stand for them.

    The entries are gone through, not the transactions: a full pool costs a short branch nothing.
    """
    entries = (
        Inclusion.objects.filter(
            block__active__index__gt=index, transaction__isnull=True, irregular=""
        )
        .order_by("index", "position")
        .values_list("block", "index", "position", "pk", *_CONTENT)
    )
    for block, group in groupby(entries.iterator(chunk_size=2000), key=itemgetter(0)):
        values: list[dict[str, Any]] = []
        for _, at, position, entry, *content in group:
            pks = waiting.get(tuple(content), [])
            place = next((place for place, pk in enumerate(pks) if floors.get(pk, 0) < at), None)
            if place is None:
                continue
            values = values or _transactions_of(block)
            if _is_plain(values[position]):
                yield pks.pop(place), entry


_STALE_ABOVE: Final = """
    WITH RECURSIVE stale("index", hash, parent_hash) AS (
        SELECT "index", hash, parent_hash FROM ledger_block WHERE id IN ({marks})
        UNION
        SELECT b."index", b.hash, b.parent_hash
        FROM stale JOIN ledger_block b ON b.hash = stale.parent_hash
        WHERE b."index" > %s
          AND NOT EXISTS (SELECT 1 FROM ledger_activeblock a WHERE a.block_id = b.id)
    )
    SELECT "index", hash, parent_hash FROM stale
"""


def _floors(index: int, pks: Sequence[int]) -> dict[int, int]:
    """The last active block, if it is above `index`, under the stale blocks that include them.

    Down there an entry with the same content is somebody else's: the transaction came later on the
    same branch. If it stood for ours, ours would be confirmed twice when that branch comes back.
    """
    included: list[tuple[int, int, str]] = []
    for start in range(0, len(pks), _CHUNK):
        included += Inclusion.objects.filter(
            transaction__in=pks[start : start + _CHUNK], index__gt=index, block__active=None
        ).values_list("transaction_id", "block_id", "block__hash")
    blocks = sorted({block for _, block, _ in included})
    stale = set[tuple[int, str, str | None]]()
    for start in range(0, len(blocks), _CHUNK):
        chunk = blocks[start : start + _CHUNK]
        with connection.cursor() as cursor:
            marks = ", ".join(["%s"] * len(chunk))
            cursor.execute(_STALE_ABOVE.format(marks=marks), [*chunk, index])
            stale.update(cursor.fetchall())
    under: dict[str | None, int] = {}
    for at, digest, parent in sorted(stale, key=itemgetter(0)):
        under[digest] = under.get(parent, at - 1)
    floors: dict[int, int] = defaultdict(int)
    for pk, _, digest in included:
        floors[pk] = max(floors[pk], under[digest])
    return floors


def _candidates(undone: set[int]) -> list[tuple[int, str, str, int]]:
    fields = ("pk", "sender", "recipient", "amount")
    rows = list(mempool.pool().values_list(*fields))
    wanted = sorted(undone)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        rows += Transaction.objects.filter(pk__in=chunk).values_list(*fields)
    return sorted(rows) + sorted(Transaction.objects.released().values_list(*fields))


def _transactions_of(block: int) -> list[dict[str, Any]]:
    text = Block.objects.values_list("canonical", flat=True).get(pk=block)
    values: list[dict[str, Any]] = json.loads(text)["transactions"]
    return values


def _is_plain(value: dict[str, Any]) -> bool:
    """Whether it has no keys beside the three: with another one it is not what we acknowledged."""
    return len(value) == 3
