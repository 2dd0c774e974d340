"""Running totals of addresses: what connecting or disconnecting a stretch of the chain changes.

The cost is that of the stretch, never of the chain. Sums are exact: a 64-bit amount is summed in
two halves of 31 and 32 bits, since a sum of amounts may not fit 64 bits itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from django.db import connection

from ledger.models import Address

_HALF: Final = 2**31  # 2147483648 in the query
_CHUNK: Final = 500

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
                    int(high_in) * _HALF + int(low_in),
                    int(high_out) * _HALF + int(low_out),
                    int(entries),
                )


def apply(changes: Iterator[Total], sign: int) -> None:
    """Add (`sign` 1) or take away (-1) changes from the stored totals."""
    while chunk := {change.address_id: change for change in islice(changes, _CHUNK)}:
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
