"""Series for charts, over the newest blocks: intervals, transactions, supply, and the pool."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any, Final

from ledger.models import ActiveBlock, Address, Block, Event, Inclusion, Transaction

RANGES: Final = (50, 200, 1000)
REWARD_ADDRESS: Final = "0"
_POOL_EVENTS: Final = 5000
_POOL_POINTS: Final = 1000
_CARD: Final = 50


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
    rows = _newest(count + 1)
    if not rows:
        return []
    rewarded = _rewarded(rows[-1][0])
    mint = Address.objects.filter(name=REWARD_ADDRESS).first()
    supply = mint.sent if mint else 0
    points = []
    for row, before in zip(rows, [*rows[1:], None], strict=True):
        index, timestamp, transactions = row
        points.append(
            BlockPoint(
                index=index,
                timestamp=timestamp,
                interval=_interval(row, before),
                transactions=transactions,
                supply=supply,
            )
        )
        supply -= index in rewarded
    return points[:count][::-1]


def interval_card() -> dict[str, Any]:
    """The newest intervals, oldest first, and the middle one of them: one slow search says
    nothing of the rest."""
    rows = _newest(_CARD + 1)
    intervals = [_interval(row, before) for row, before in pairwise(rows)][::-1]
    sensible = [interval for interval in intervals if interval is not None]
    return {"intervals": intervals, "median": median(sensible) if sensible else None}


def pool_series(count: int) -> list[tuple[float, int]]:
    """Unix time and size of the pool after each event that changed it, since the oldest of the
    newest `count` blocks came.

    Counted back from the pool as it is. Events name 500 transactions at most, and do not say
    whether one that a reorganisation confirmed had been in the pool: beyond either, the size is an
    estimate, and never below 0.
    """
    size = Transaction.objects.waiting().count()
    since = _came_at(count)
    points: list[tuple[float, int]] = []
    rows = Event.objects.exclude(kind__in=["peer", "refusal", "node"]).order_by("-pk")
    for kind, payload, at in rows.values_list("kind", "payload", "at")[:_POOL_EVENTS].iterator():
        if since is not None and at < since:
            break
        if change := _pool_change(kind, payload):
            points.append((at.timestamp(), max(0, size)))
            size -= change
    points = points[:: -(-len(points) // _POOL_POINTS) or 1]
    return points[::-1]


def _newest(count: int) -> list[tuple[int, float | None, int]]:
    """Index, timestamp and number of transactions of the newest blocks, newest first."""
    rows = ActiveBlock.objects.order_by("-index")
    return list(rows.values_list("index", "block__timestamp", "block__transaction_count")[:count])


def _interval(row: tuple[Any, ...], before: tuple[Any, ...] | None) -> float | None:
    if before is None or row[1] is None or before[1] is None:
        return None
    return float(row[1]) - float(before[1])


def _rewarded(lowest: int) -> set[int]:
    """The active blocks from `lowest` on that pay a regular reward."""
    rows = Inclusion.objects.filter(
        sender__name=REWARD_ADDRESS,
        irregular="",
        index__gte=lowest,
        block__active__isnull=False,
    )
    return set(rows.values_list("index", flat=True))


def _came_at(count: int) -> Any:
    """When this node received the lowest of the newest `count` blocks."""
    rows = Block.objects.filter(active__isnull=False).order_by("-active__index")
    return rows.values_list("received_at", flat=True)[count - 1 : count].first()


def _pool_change(kind: str, payload: str) -> int:
    """What an event did to the size of the pool."""
    if kind == "transaction":
        return 1
    data = json.loads(payload)
    return len(data.get("returned", ())) - len(data.get("confirmed", ()))
