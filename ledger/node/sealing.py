"""Sealing a block: freeze its contents, search for its proof, put it on the chain.

The contents are frozen before the search starts, the timestamp included. At the commit the tip and
the state of each chosen transaction are checked again: if anything moved, the block is not stored
and the work begins anew. So a transaction is in the block that was searched for or in the pool,
never lost between them, and never in a block it was added to after the proof.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ledger import consensus, models
from ledger.consensus import Network, Place

from . import blockstore, chainstate, mempool
from .errors import TipMoved

_MARGIN: Final = 16 * 1024  # of a block's bytes, for its other keys and the reward
_FUTURE: Final = 2 * 3600.0  # seconds a parent's clock may be ahead of ours and still be followed


@dataclass(frozen=True, slots=True)
class Template:
    """A block without its proof. `transactions` are the rows it confirms, in its order."""

    network: Network
    parent: Place
    tip_version: int
    value: dict[str, Any]
    transactions: tuple[int, ...]

    @property
    def index(self) -> int:
        return self.parent.index + 1

    def message_parts(self) -> tuple[bytes, bytes]:
        """What the proof's digits stand between in the bytes that are hashed."""
        return self.network.proof_template(self.parent.proof, self.parent.hash)


def freeze(
    network: Network,
    identifier: str,
    clock: Callable[[], float] = time.time,
    *,
    upto: int | None = None,
) -> Template:
    """The next block as of now: the pool in order of arrival, as much as fits, and the reward.

    Reads only. `identifier` is whom the reward pays; `clock` gives seconds since the epoch; `upto`
    is the last of the pool's rows to be chosen from, if there is to be one.
    """
    tip = models.Tip.objects.select_related("block").get(pk=1)
    budget = consensus.DEFAULT_CAPS.block_bytes - _MARGIN
    chosen: list[models.Transaction] = []
    waiting = mempool.pool() if upto is None else mempool.pool().filter(pk__lte=upto)
    for row in waiting.iterator(chunk_size=2000):
        budget -= row.size
        if budget < 0:
            break
        chosen.append(row)
    transactions = [
        {"sender": row.sender, "recipient": row.recipient, "amount": row.amount} for row in chosen
    ]
    return Template(
        network=network,
        parent=Place(tip.block.index, int(tip.block.proof), tip.block.hash),
        tip_version=tip.version,
        value={
            "index": tip.index + 1,
            "timestamp": network.dialect.timestamp(_time_after(tip.block.timestamp, clock())),
            "transactions": [*transactions, network.reward(identifier)],
            "previous_hash": tip.block.hash,
        },
        transactions=tuple(row.pk for row in chosen),
    )


def seal(template: Template, proof: int) -> consensus.Block:
    """Put the block on the chain, in the transaction under way.

    Raises `TipMoved` if the tip or one of the chosen transactions moved since `freeze`, and
    `Refused` if the proof does not hold.
    """
    block = consensus.read_block(template.value | {"proof": proof}, template.network)
    consensus.check_successor(template.parent, block, template.network)
    tip = chainstate.tip_for_update()
    if tip.version != template.tip_version or tip.block.hash != template.parent.hash:
        raise TipMoved("the tip moved during the search")
    rows = _still_in_pool(template.transactions)
    blockstore.store([block], models.Block.Origin.MINED, transactions=template.transactions)
    stored = models.Block.objects.get(hash=block.hash)
    chainstate.extend(stored, tip, rows)
    return block


def _still_in_pool(pks: tuple[int, ...]) -> list[models.Transaction]:
    """The chosen transactions, each still waiting, in the block's order."""
    found: dict[int, models.Transaction] = {}
    for start in range(0, len(pks), 500):
        for row in mempool.pool().filter(pk__in=pks[start : start + 500]):
            found[row.pk] = row
    if len(found) < len(pks):
        raise TipMoved("a chosen transaction left the pool during the search")
    return [found[pk] for pk in pks]


def _time_after(parent: float | None, now: float) -> float:
    """Our clock, but after the parent's time, unless that lies in another age."""
    if parent is not None and now <= parent <= now + _FUTURE:
        return parent + 1e-6
    return now
