"""Blocks."""

from __future__ import annotations

from typing import Annotated

from django.utils.translation import gettext_noop as _
from ninja import Field, Schema

from .shared import Hash, Id, Index, Integer, Moment, Next, Position

Said = Annotated[
    str,
    Field(
        description=_("What stands there, as JSON text, cut short; for values that are irregular.")
    ),
]


class Header(Schema):
    """A block without its transactions. What belongs to its hash, and how this node came by it."""

    index: Index
    hash: Hash
    previous_hash: Hash | None = Field(description=_("Null for a genesis."))
    timestamp: float | None = Field(
        description=_("Unix time as its maker's clock had it; null where that is no number.")
    )
    proof: Integer
    transactions: int = Field(description=_("How many it holds."))
    size: int = Field(description=_("Bytes of the text that is hashed."))
    origin: str = Field(description=_("genesis, mined, peer or import."))
    source: str = Field(description=_("The peer or file it came from; empty for our own."))


class Details(Header):
    """The same, with what its transactions add up to."""

    irregular: int = Field(description=_("How many transactions no balance counts."))
    moved: Integer
    received_at: Moment


class Blocks(Schema):
    """Blocks of the active chain."""

    blocks: list[Header]
    next: Next
    tip: Position


class Mark(Schema):
    """The operator's word that a block is invalid."""

    index: Index
    hash: Hash
    reason: str


class Standing(Schema):
    """How a block stands now. Unlike the block itself, this changes."""

    index: Index
    hash: Hash
    active: bool = Field(description=_("Whether it is on the active chain."))
    confirmations: int = Field(
        description=_("Blocks from it to the tip, itself included; 0 for a stale one.")
    )
    tip: Index
    previous: Hash | None
    following: Hash | None = Field(description=_("Its successor on the active chain."))
    instead: Hash | None = Field(
        description=_("The active block of its index, where it is stale and there is one.")
    )
    mark: Mark | None


class Entry(Schema):
    """A transaction in a block."""

    position: int = Field(description=_("From 0."))
    id: Id | None = Field(description=_("Where this node or a peer of its kind acknowledged it."))
    sender: str | None
    recipient: str | None
    amount: Integer | None
    reward: bool
    irregular: str = Field(description=_("Why no balance counts it; empty for a regular one."))
    sender_said: Said
    recipient_said: Said
    amount_said: Said


class Entries(Schema):
    """A page of a block's transactions, in the block's order."""

    block: Position
    transactions: list[Entry]
    next: Next


class Placed(Schema):
    """A transaction by its place."""

    block: Position
    transaction: Entry
    active: bool
    confirmations: int
    text: str = Field(description=_("Its canonical text, as it stands in the block's bytes."))
