"""Where a topic stands: what a client begins with when it subscribes.

Reads only, in a reading thread; many topics of a kind cost a few questions together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from django.db.models import Q

from ledger.models import Address, Block, Inclusion, Reorganisation, Tip, Transaction
from ledger.node import chainstate, lifecycle, mempool, overview

from . import topics

REORGANISATIONS_SHOWN: Final = 10
PENDING_SHOWN: Final = 50
_CHUNK: Final = 500

State = Any
"""JSON: an object, or None for a transaction that this node does not know."""


def at_first(wanted: Iterable[str]) -> dict[str, State]:
    """The state of each topic, for who begins to follow it."""
    wanted = list(wanted)
    found: dict[str, State] = {topic: _OF[topic]() for topic in wanted if topic in _OF}
    found |= narrow(topic for topic in wanted if topic not in _OF)
    for name, waiting in _pending(topics.names(wanted, topics.ADDRESS)).items():
        found[topics.ADDRESS + name]["pending"] = waiting
    return found


def _pending(names: set[str]) -> dict[str, list[State]]:
    """What waits from or to each, oldest first: the pool is looked through once for many."""
    found: dict[str, list[State]] = {name: [] for name in names}
    for chunk in _chunks(names):
        its = Q(sender__in=chunk) | Q(recipient__in=chunk)
        for row in Transaction.objects.waiting().filter(its).order_by("pk").iterator():
            for name in {row.sender, row.recipient} & names:
                if len(found[name]) < PENDING_SHOWN:
                    found[name].append(mempool.describe(row))
    return found


def narrow(wanted: Iterable[str]) -> dict[str, State]:
    """The state of addresses and transactions, without what waits."""
    wanted = list(wanted)
    return {
        **_addresses(topics.names(wanted, topics.ADDRESS)),
        **_transactions(topics.names(wanted, topics.TRANSACTION)),
    }


def _blocks() -> State:
    tip = Tip.objects.select_related("block").get(pk=1)
    rows = Block.objects.filter(active__index__gt=tip.index - chainstate.SHOWN).order_by("index")
    return {
        "height": tip.index,
        "tip": chainstate.describe(tip.block),
        "blocks": [chainstate.describe(block) for block in rows],
    }


def _pool() -> State:
    count, size = mempool.pool_size()
    rows = list(Transaction.objects.order_by("-pk")[: overview.TRANSACTIONS_SHOWN])
    return {
        "pool": {"count": count, "size": size},
        "transactions": [mempool.describe(row) for row in rows],
    }


def _peers() -> State:
    return overview.network(overview.tip_index())


def _reorganisations() -> State:
    rows = Reorganisation.objects.select_related("old_tip", "new_tip").order_by("-pk")
    return {
        "reorganisations": [
            {
                "id": row.pk,
                "at": row.at.isoformat(),
                "fork_index": row.fork_index,
                "disconnected": row.disconnected,
                "connected": row.connected,
                "old_tip": chainstate.describe(row.old_tip),
                "new_tip": chainstate.describe(row.new_tip),
                "source": row.source,
            }
            for row in rows[:REORGANISATIONS_SHOWN]
        ]
    }


_OF: Final = {
    topics.BLOCKS: _blocks,
    topics.TRANSACTIONS: _pool,
    topics.MINING: overview.mining,
    topics.PEERS: _peers,
    topics.REORGANISATIONS: _reorganisations,
}


def _addresses(names: set[str]) -> dict[str, State]:
    rows: dict[str, Address] = {}
    for chunk in _chunks(names):
        rows |= {row.name: row for row in Address.objects.filter(name__in=chunk)}
    return {topics.ADDRESS + name: _address(rows.get(name) or Address(name=name)) for name in names}


def _address(row: Address) -> State:
    """Totals on the active chain; zeros for a name that no block mentions."""
    return {
        "name": row.name,
        "balance": str(row.balance),
        "received": str(row.received),
        "sent": str(row.sent),
        "entries": row.entries,
    }


def _transactions(uids: set[str]) -> dict[str, State]:
    tip = overview.tip_index() if uids else 0
    found: dict[str, State] = {topics.TRANSACTION + uid: None for uid in uids}
    for chunk in _chunks(uids):
        rows = list(Transaction.objects.filter(uid__in=chunk))
        places = Inclusion.objects.filter(transaction__in=rows, block__active__isnull=False)
        blocks = dict(places.values_list("transaction_id", "index"))
        for row in rows:
            block = blocks.get(row.pk)
            found[topics.TRANSACTION + str(row.uid)] = {
                **mempool.describe(row),
                "block": block,
                "confirmations": 0 if block is None else tip - block + 1,
                "reason": row.reason,
            }
    return found


def _chunks(names: Iterable[str]) -> Iterator[Sequence[str]]:
    rest = iter(sorted(names))
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def node() -> dict[str, Any]:
    """Who this is: a client that comes back says it, so that nobody resumes another's history."""
    identity = lifecycle.current().identity
    return {
        "identifier": identity.identifier,
        "dialect": identity.network.dialect.name,
        "difficulty": identity.network.difficulty,
    }
