"""Judging what somebody made, without taking it: every reason, and no effect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ledger import consensus, models
from ledger.consensus import Network, Place, Refused
from ledger.consensus.dialects import GENESIS_INDEX
from ledger.consensus.examination import examine, place_faults
from ledger.consensus.policy import irregularity, submission_faults

from . import chainstate, marks, mempool
from .errors import MarkedInvalid

KEYS: Final = ("sender", "recipient", "amount")


@dataclass(frozen=True, slots=True)
class BlockVerdict:
    """`parent` is the block that it follows, of those this node holds; `active` whether that one
    is on the active chain. `irregular` are its transactions that no balance would count, by their
    position: no fault of the block's."""

    block: consensus.Block | None
    faults: list[Refused]
    parent: models.Block | None = None
    active: bool = False
    is_known: bool = False
    mark: str = ""
    irregular: dict[int, str] = field(default_factory=dict)

    @property
    def is_valid(self) -> bool:
        return not self.faults and not self.mark


def block(text: bytes, network: Network) -> BlockVerdict:
    """What this node would say to a block of this text. Reads only."""
    found = examine(text, network)
    if found.block is None:
        return BlockVerdict(None, list(found.faults))
    made = found.block
    is_genesis = made.index == GENESIS_INDEX
    rows = models.Block.objects.select_related("active").defer("canonical")
    named = rows.filter(hash=made.previous_hash).first()
    # Behind nothing that is known it is judged as the next block: that says best what is amiss.
    parent = named or (None if is_genesis else chainstate.tip().block)
    known = rows.filter(hash=made.hash).first()
    place = Place(parent.index, int(parent.proof), parent.hash) if parent else None
    return BlockVerdict(
        made,
        list(place_faults(made, place, network)),
        parent=named,
        active=named is not None and hasattr(named, "active"),
        is_known=known is not None,
        mark=_mark(known or named),
        irregular=dict(_irregular(made)),
    )


def transaction(values: Mapping[str, Any], network: Network, limits: tuple[int, int]) -> list[str]:
    """Why this node would not take a transaction as things stand; empty if it would. `limits` are
    the pool's, in transactions and in bytes. Reads only."""
    missing = [f"{key} is missing" for key in KEYS if key not in values]
    if missing:
        # What is there is judged all the same, with the rest filled in from a good one.
        values = {"sender": "a", "recipient": "b", "amount": 0} | dict(values)
    faults = missing + submission_faults(values, network)
    if not faults:
        content = (values["sender"], values["recipient"], values["amount"])
        count, size = mempool.pool_size()
        if count >= limits[0] or size + mempool.bytes_of(content, network) > limits[1]:
            faults.append(f"the pool is full ({count} transactions)")
    return faults


def _mark(highest: models.Block | None) -> str:
    """What the operator's marks say against a block, or against one that would follow it."""
    if highest is None:
        return ""
    try:
        marks.check_path(highest)
    except MarkedInvalid as marked:
        return str(marked)
    return ""


def _irregular(made: consensus.Block) -> list[tuple[int, str]]:
    last = len(made.transactions) - 1
    judged = (
        (position, irregularity(value, last=position == last))
        for position, value in enumerate(made.transactions)
    )
    return [(position, reason) for position, reason in judged if reason]
