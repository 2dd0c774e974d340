"""Series for charts, over the newest blocks: intervals, transactions, supply, and the pool."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from ledger.models import ActiveBlock, Address, Event, Inclusion

RANGES: Final = (50, 200, 1000)
REWARD_ADDRESS: Final = "0"
_POOL_EVENTS: Final = 5000


@dataclass(frozen=True, slots=True)
class BlockPoint:
    """One block. `interval` is in seconds since the block before, None where a clock makes no
    sense; `supply` counts the regular rewards up to it."""

    index: int
    timestamp: float | None
    interval: float | None
    transactions: int
    supply: int


def block_series(count: int) -> list[BlockPoint]:
    """The newest `count` blocks of the active chain, oldest first."""
    count = max(1, min(count, RANGES[-1]))
    rows = list(ActiveBlock.objects.select_related("block").order_by("-index")[: count + 1])
    if not rows:
        return []
    lowest = rows[-1].index
    rewarded = set(
        Inclusion.objects.filter(
            sender__name=REWARD_ADDRESS,
            irregular="",
            index__gte=lowest,
            block__active__isnull=False,
        ).values_list("index", flat=True)
    )
    mint = Address.objects.filter(name=REWARD_ADDRESS).first()
    supply = mint.sent if mint else 0
    points = []
    for row, before in zip(rows, [*rows[1:], None], strict=True):
        times = (row.block.timestamp, before.block.timestamp if before else None)
        points.append(
            BlockPoint(
                index=row.index,
                timestamp=times[0],
                interval=None if None in times else times[0] - times[1],  # type: ignore[operator]
                transactions=row.block.transaction_count,
                supply=supply,
            )
        )
        supply -= row.index in rewarded
    return points[:count][::-1]


def pool_series() -> list[tuple[float, int]]:
    """Unix time and size of the pool after each of the newest events that changed it."""
    from ledger.models import Transaction

    size = Transaction.objects.filter(state__in=["pending", "returned"]).count()
    rows = Event.objects.order_by("-pk")[:_POOL_EVENTS]
    points: list[tuple[float, int]] = []
    for row in rows:
        change = _pool_change(row)
        if change:
            points.append((row.at.timestamp(), size))
            size -= change
    return points[::-1]


def _pool_change(event: Event) -> int:
    """What an event did to the size of the pool."""
    if event.kind == "transaction":
        return 1
    if event.kind not in ("block", "chain-extended", "reorganisation"):
        return 0
    payload = json.loads(event.payload)
    return len(payload.get("returned", ())) - len(payload.get("confirmed", ()))
