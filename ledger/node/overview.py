"""Where things stand: what the page shows, and what a client of the live updates begins with.

Reads only. Called through `Reader.read_at_once`, all of it is of one moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any, Final

from django.utils import timezone

from ledger.models import Block, Event, Inclusion, Tip, Transaction
from ledger.queries import peers as peer_queries

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
        "network": network(tip.index),
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
    return asdict(lifecycle.current().work.mining())


def network(tip: int) -> dict[str, Any]:
    """Whom this node, whose chain ends at index `tip`, catches up with, and how many peers stand to
    it in which way. `revision` moves when the peers' rows changed."""
    state = lifecycle.current().work.network()
    return {
        "catching_up": [asdict(way) | {"rate": round(way.rate)} for way in state.catching_up],
        "peers": peer_queries.summary(tip),
        "revision": state.revision,
    }


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
        "puzzle": {"before": before.decode(), "after": after.decode()},
    }


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
