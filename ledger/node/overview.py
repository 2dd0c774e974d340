"""Where things stand: what the page shows, and what a client of the live updates begins with.

Reads only. Called through `Reader.read_at_once`, all of it is of one moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from django.db.models import Count, F, Max, Q
from django.utils import timezone

from ledger.models import Block, Event, Inclusion, Peer, Tip, Transaction

from . import chainstate, events, lifecycle, mempool
from .network import peers

BLOCKS_SHOWN: Final = chainstate.SHOWN
TRANSACTIONS_SHOWN: Final = 12
NEWS_SHOWN: Final = 20
_NEWS_LOOKED_THROUGH: Final = 5000  # events, of which most may be transactions


def overview() -> dict[str, Any]:
    """Everything the page shows. `seq` is the number of the last event it takes account of."""
    tip = _tip()
    blocks = Block.objects.filter(active__index__gt=tip.index - BLOCKS_SHOWN).order_by("index")
    rows = _latest_transactions()
    blocks_of = _active_blocks_of(rows)
    return {
        **frame(tip),
        "tip": chainstate.describe(tip.block),
        "blocks": [chainstate.describe(block) for block in blocks],
        "transactions": [mempool.describe(row) | {"block": blocks_of.get(row.pk)} for row in rows],
        "news": _news(),
        "mining": mining(),
    }


def frame(tip: Tip | None = None) -> dict[str, Any]:
    """What every page shows around its own matter, and needs to go on live from there."""
    identity = lifecycle.current().identity
    tip = tip or _tip()
    return {
        "seq": last_seq(),
        "at": timezone.now().isoformat(),
        "node": {
            "identifier": identity.identifier,
            "dialect": identity.network.dialect.name,
            "difficulty": identity.network.difficulty,
        },
        **_counts(tip),
    }


def now() -> dict[str, Any]:
    """The part of it that cannot be told from events one by one: how many there are of what, what
    the next proof must fit to, and the states of the latest transactions by their ids."""
    rows = _latest_transactions()
    blocks_of = _active_blocks_of(rows)
    states = {str(row.uid): {"state": row.state, "block": blocks_of.get(row.pk)} for row in rows}
    return {**_counts(_tip()), "states": states}


def mining() -> dict[str, Any]:
    """What the miner does. Asks the miner, not the database."""
    return asdict(lifecycle.current().miner.state())


def last_seq() -> int:
    """The number of the newest event; 0 before the first."""
    return events.newest()


def tip_index() -> int:
    return Tip.objects.get(pk=1).index


def _tip() -> Tip:
    return Tip.objects.select_related("block").get(pk=1)


def _counts(tip: Tip) -> dict[str, Any]:
    count, size = mempool.pool_size()
    network = lifecycle.current().identity.network
    before, after = network.proof_template(int(tip.block.proof), tip.block.hash)
    return {
        "height": tip.index,
        "pool": {"count": count, "size": size},
        "peers": len(peers.known_addresses()),
        "sync": _sync(),
        "puzzle": {"before": before.decode(), "after": after.decode()},
    }


def _sync() -> dict[str, int]:
    """How the peers did when they were last asked, and the longest chain any of them had."""
    good = Q(last_success_at__isnull=False) & (
        Q(last_failure_at__isnull=True) | Q(last_success_at__gt=F("last_failure_at"))
    )
    asked = Q(last_success_at__isnull=False) | Q(last_failure_at__isnull=False)
    found = Peer.objects.aggregate(
        asked=Count("pk", filter=asked),
        answered=Count("pk", filter=good),
        longest=Max("length", filter=good, default=0),
    )
    return {**found}


def _latest_transactions() -> list[Transaction]:
    """Newest first."""
    return list(Transaction.objects.order_by("-pk")[:TRANSACTIONS_SHOWN])


def _active_blocks_of(rows: Iterable[Transaction]) -> dict[int, int]:
    """The index of the active block each is in, by primary key, of those that are in one."""
    inclusions = Inclusion.objects.filter(
        transaction__in=[row.pk for row in rows], block__active__isnull=False
    )
    return {pk: index for pk, index in inclusions.values_list("transaction_id", "index") if pk}


def _news() -> list[dict[str, Any]]:
    """The latest events that are no transactions, newest first."""
    rows = (
        Event.objects.filter(pk__gt=last_seq() - _NEWS_LOOKED_THROUGH)
        .exclude(kind=events.TRANSACTION)
        .order_by("-pk")[:NEWS_SHOWN]
    )
    return [
        {"seq": row.pk, "kind": row.kind, "at": row.at.isoformat(), "data": json.loads(row.payload)}
        for row in rows
    ]
