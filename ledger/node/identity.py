"""Who this node is: made once, on first start, and kept."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from django.utils import timezone

from ledger import consensus, models
from ledger.consensus import DIALECTS, Network

from . import blockstore
from .errors import NodeError


@dataclass(frozen=True, slots=True)
class Identity:
    """`identifier` is the name the rewards are paid to: a UUID4 without dashes."""

    identifier: str
    network: Network


def load() -> Identity | None:
    """The identity on disk; None in a new data folder."""
    row = models.NodeIdentity.objects.filter(pk=1).first()
    if row is None:
        return None
    return Identity(row.identifier, Network(DIALECTS[row.dialect], row.difficulty))


def create(network: Network) -> Identity:
    """Make the identity and the genesis, in the transaction under way; or load them."""
    if present := load():
        return present
    row = models.NodeIdentity.objects.create(
        pk=1,
        identifier=uuid.uuid4().hex,
        dialect=network.dialect.name,
        difficulty=network.difficulty,
        created_at=timezone.now(),
    )
    genesis = consensus.read_block(network.genesis(time.time()), network)
    blockstore.store([genesis], models.Block.Origin.GENESIS)
    block = models.Block.objects.get(hash=genesis.hash)
    models.ActiveBlock.objects.create(index=1, block=block)
    models.Tip.objects.create(pk=1, block=block, index=1, version=1)
    return Identity(row.identifier, network)


def wanted_network(dialect: str, difficulty: int | None, present: Identity | None) -> Network:
    """The network to run: what was asked for, which must be what the data folder holds, if any.

    Raises `NodeError` where they differ.
    """
    if dialect and dialect not in DIALECTS:
        raise NodeError(f"there is no dialect {dialect!r}: choose {', '.join(DIALECTS)}")
    if present is None:
        try:
            return Network(DIALECTS[dialect or "seed"], 4 if difficulty is None else difficulty)
        except ValueError as error:
            raise NodeError(str(error)) from None
    network = present.network
    if (dialect and dialect != network.dialect.name) or (
        difficulty is not None and difficulty != network.difficulty
    ):
        raise NodeError(
            f"this data folder holds a node that speaks {network}; a network cannot be changed."
            " Start without --dialect and --difficulty, or with another --data folder"
        )
    return network
