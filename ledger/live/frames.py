"""What is sent over the socket.

Every frame is a JSON object with a `kind`. Events carry `seq`, the number a client counts by:

    {"kind": "snapshot", "seq": 41, "data": {…}}       where things stand; replaces what was known
    {"kind": "resumed", "seq": 41}                     events after 41 follow; nothing was missed
    {"kind": "block", "seq": 42, "at": …, "data": {…}} an event (see `ledger.node.events`)
    {"kind": "mining", "data": {…}}                    the search under way; not an event
    {"kind": "beat", "seq": 42}                        nothing is new; the connection lives
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any, Final

from ledger.models import Block, Event, Peer, Tip
from ledger.node import chainstate, lifecycle, mempool

POOL_SHOWN: Final = 50


def event(row: Event) -> str:
    """An event's frame. The payload is JSON text already."""
    at = json.dumps(row.at.isoformat())
    return f'{{"kind":"{row.kind}","seq":{row.pk},"at":{at},"data":{row.payload}}}'


def control(kind: str, seq: int | None = None, data: Any = None) -> str:
    """A frame that is no event."""
    frame: dict[str, Any] = {"kind": kind}
    if seq is not None:
        frame["seq"] = seq
    if data is not None:
        frame["data"] = data
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def mining() -> dict[str, Any]:
    """The miner's state, for a frame or a page."""
    return asdict(lifecycle.current().miner.state())


def last_seq() -> int:
    """The number of the newest event; 0 before the first."""
    return Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def events_after(seq: int, limit: int) -> list[tuple[int, str]]:
    """Numbers and frames of the events after `seq`, in order."""
    return [(row.pk, event(row)) for row in Event.objects.filter(pk__gt=seq).order_by("pk")[:limit]]


def overview() -> dict[str, Any]:
    """Where things stand, in one moment: what the page shows and a snapshot carries."""
    identity = lifecycle.current().identity
    tip = Tip.objects.select_related("block").get(pk=1)
    count, size = mempool.pool_size()
    first = tip.index - chainstate.SHOWN + 1
    blocks = Block.objects.filter(active__index__gte=first).order_by("index")
    waiting = mempool.pool().reverse()[:POOL_SHOWN]
    return {
        "seq": last_seq(),
        "node": {
            "identifier": identity.identifier,
            "dialect": identity.network.dialect.name,
            "difficulty": identity.network.difficulty,
        },
        "tip": chainstate.describe(tip.block),
        "blocks": [chainstate.describe(block) for block in blocks],
        "pool": {
            "count": count,
            "size": size,
            "transactions": [mempool.describe(row) for row in waiting],
        },
        "peers": Peer.objects.count(),
        "mining": mining(),
    }
