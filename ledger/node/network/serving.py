"""What this node tells other nodes of its kind: who it is, its blocks, and whom it knows."""

from __future__ import annotations

import json
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q

from ledger.models import ActiveBlock, Peer, Tip

from .. import chain_text, lifecycle, mempool
from ..reading import Reader
from . import peers
from .recognition import CAPABILITIES, SOFTWARE

LONGEST_LOCATOR: Final = 64
ADDRESSES: Final = 64
_REMEMBERED: Final = 60.0  # seconds a probe is remembered
_PROBES: Final = 1024


def description() -> dict[str, Any]:
    """This node, in its own words: the answer to `GET /api/v1/node`. Read it at one moment."""
    current = lifecycle.current()
    tip = Tip.objects.select_related("block").get(pk=1)
    return {
        "software": SOFTWARE,
        "version": current.conf.version,
        "build": current.conf.build,
        "identifier": current.identity.identifier,
        "capabilities": list(CAPABILITIES),
        "network": {**_network(), "genesis": ActiveBlock.objects.get(index=1).block.hash},
        "tip": {"index": tip.index, "hash": tip.block.hash},
        "pool": {"newest": newest_in_pool()},
    }


def newest_in_pool() -> int:
    """The number of what entered the pool last, or was released last."""
    return mempool.next_number() - 1


def known_addresses() -> list[str]:
    """Peers of our kind that answered when they were last asked, the last to answer first."""
    lately = Q(last_failure_at__isnull=True) | Q(last_success_at__gt=F("last_failure_at"))
    rows = peers.asked_by_itself().filter(
        lately, kind=Peer.Kind.OURS, last_success_at__isnull=False
    )
    return list(rows.order_by("-last_success_at").values_list("address", flat=True)[:ADDRESSES])


async def blocks(reader: Reader, locator: Sequence[str], limit: int) -> AsyncIterator[bytes]:
    """The lines of `GET /api/v1/network/blocks`, as of one moment, in pieces.

    The head goes out with the first blocks: the server tells a large answer by its first piece.
    """
    async with reader.snapshot() as view:
        index, head = await view.read(partial(_head, locator))
        last = index + limit
        page = partial(chain_text.piece_after, separator=b"\n")
        while piece := await view.read(partial(page, index, most=last - index)):
            yield head + piece.text + b"\n"
            index, head = piece.last, b""
        if head:
            yield head


def _head(locator: Sequence[str], own: BaseDatabaseWrapper) -> tuple[int, bytes]:
    """The fork point's index, and the first line."""
    marks = ", ".join(["%s"] * len(locator)) or "NULL"  # PostgreSQL takes no `IN ()`
    with own.cursor() as cursor:
        cursor.execute(
            'SELECT t."index", b.hash FROM ledger_tip t JOIN ledger_block b ON b.id = t.block_id'
        )
        tip_index, tip_hash = cursor.fetchone()
        active: dict[str, int] = {}
        if locator:  # PostgreSQL knows no empty list
            cursor.execute(
                'SELECT b.hash, a."index" FROM ledger_block b'  # noqa: S608 - marks alone are put in
                f" JOIN ledger_activeblock a ON a.block_id = b.id WHERE b.hash IN ({marks})",
                list(locator),
            )
            active = dict(cursor.fetchall())
    digest = next((digest for digest in locator if digest in active), None)
    index = active[digest] if digest else 0
    head = {
        "fork": {"index": index, "hash": digest},
        "tip": {"index": tip_index, "hash": tip_hash},
        "network": _network(),
    }
    return index, json.dumps(head).encode() + b"\n"


def _network() -> dict[str, Any]:
    network = lifecycle.current().identity.network
    return {"dialect": network.dialect.name, "difficulty": network.difficulty}


def locator() -> list[str]:
    """Hashes of our active chain for another node to find where we part: the tip, then at growing
    distances, the genesis last. At most 64 blocks long for any chain there can be."""
    tip = Tip.objects.get(pk=1).index
    indexes, step = [], 1
    while tip > 1:
        indexes.append(tip)
        if len(indexes) >= 8:
            step *= 2
        tip -= step
    indexes.append(1)
    rows = ActiveBlock.objects.filter(index__in=indexes).order_by("-index")
    return list(rows.values_list("block__hash", flat=True))


class Probes:
    """Tokens that were shown to this node lately. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[str, float] = OrderedDict()

    def show(self, token: str) -> None:
        with self._lock:
            self._seen[token] = time.monotonic()
            self._seen.move_to_end(token)
            while len(self._seen) > _PROBES:
                self._seen.popitem(last=False)

    def saw(self, token: str) -> bool:
        with self._lock:
            at = self._seen.get(token)
        return at is not None and time.monotonic() - at <= _REMEMBERED
