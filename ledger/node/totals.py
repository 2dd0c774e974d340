"""Running totals of addresses: what connecting or disconnecting a stretch of the chain changes.

The cost is that of the stretch, never of the chain. Sums are exact: a 64-bit amount is summed in
two halves of 31 and 32 bits, since a sum of amounts may not fit 64 bits itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from django.db import connection

from ledger.models import Address

HALF: Final = 2**31  # 2147483648 in the query
_CHUNK: Final = 500
_BLOCKS: Final = 2000  # read at once
_ADDRESSES: Final = 20_000  # summed up at once

# Irregular transactions have no amount: they count as entries only. One that an address sends to
# itself is one entry.
_SUMS: Final = """
    SELECT address, SUM(high_in), SUM(low_in), SUM(high_out), SUM(low_out), SUM(entries)
    FROM (
        SELECT i.recipient_id AS address,
               COALESCE(i.amount, 0) / 2147483648 AS high_in,
               COALESCE(i.amount, 0) %% 2147483648 AS low_in,
               0 AS high_out, 0 AS low_out, 1 AS entries
        FROM ledger_inclusion i JOIN ledger_activeblock a ON a.block_id = i.block_id
        WHERE a."index" > %s AND i.recipient_id IS NOT NULL
        UNION ALL
        SELECT i.sender_id, 0, 0,
               COALESCE(i.amount, 0) / 2147483648, COALESCE(i.amount, 0) %% 2147483648,
               CASE WHEN i.sender_id = i.recipient_id THEN 0 ELSE 1 END
        FROM ledger_inclusion i JOIN ledger_activeblock a ON a.block_id = i.block_id
        WHERE a."index" > %s AND i.sender_id IS NOT NULL
    ) AS moves
    GROUP BY address ORDER BY address
"""


_MOVES: Final = """
    SELECT i.sender_id, i.recipient_id, COUNT(*),
           COALESCE(SUM(i.amount / 2147483648), 0), COALESCE(SUM(i.amount %% 2147483648), 0)
    FROM ledger_activeblock a JOIN ledger_inclusion i ON i.block_id = a.block_id
    WHERE a."index" > %s AND a."index" <= %s
    GROUP BY i.sender_id, i.recipient_id
"""


class Total(NamedTuple):
    address_id: int
    received: int
    sent: int
    entries: int


def above(index: int) -> Iterator[Total]:
    """What the active blocks above `index` mean for each address, by address id."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [index, index])
        while rows := cursor.fetchmany(_CHUNK):
            for address, high_in, low_in, high_out, low_out, entries in rows:
                yield Total(
                    address,
                    int(high_in) * HALF + int(low_in),
                    int(high_out) * HALF + int(low_out),
                    int(entries),
                )


def apply_stretch(above: int, upto: int, sign: int) -> None:
    """Add (`sign` 1) or take away (-1) what the active blocks from behind `above` up to `upto` mean
    for each address."""
    received, sent, entries = (defaultdict[int, int](int) for _ in range(3))
    while above < upto:
        last = min(upto, above + _BLOCKS)
        with connection.cursor() as cursor:
            cursor.execute(_MOVES, [above, last])
            moves = cursor.fetchall()
        above = last
        for sender, recipient, count, high, low in moves:
            amount = int(high) * HALF + int(low)
            if recipient is not None:
                entries[recipient] += count
                received[recipient] += amount
            if sender is not None:
                if sender != recipient:
                    entries[sender] += count
                sent[sender] += amount
        if len(entries) > _ADDRESSES or above == upto:
            apply((Total(pk, received[pk], sent[pk], entries[pk]) for pk in sorted(entries)), sign)
            received.clear()
            sent.clear()
            entries.clear()


def apply(changes: Iterable[Total], sign: int) -> None:
    """Add (`sign` 1) or take away (-1) changes from the stored totals."""
    remaining = iter(changes)
    while chunk := {change.address_id: change for change in islice(remaining, _CHUNK)}:
        rows = []
        for address in Address.objects.filter(pk__in=chunk):
            change = chunk[address.pk]
            rows.append(
                (
                    str(address.received + sign * change.received),
                    str(address.sent + sign * change.sent),
                    address.entries + sign * change.entries,
                    address.pk,
                )
            )
        with connection.cursor() as cursor:
            cursor.executemany(
                "UPDATE ledger_address SET received = %s, sent = %s, entries = %s WHERE id = %s",
                rows,
            )
