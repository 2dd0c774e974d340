"""Peers, forks and reorganisations."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _
from ninja import Field, Schema

from .shared import Id, Index, Integer, Moment, Next, Position


class Peer(Schema):
    """Another node, and how it did when it was last asked."""

    id: int
    address: str
    relation: str = Field(
        description=_("How it stands to us, in a word: agrees, behind, forked, …")
    )
    kind: str = Field(description=_("ours, old, or empty before it was asked."))
    version: str
    capabilities: list[str]
    identifier: str
    speaks: str = Field(description=_("Its network, in words."))
    alias_of: str
    source: str
    knows_us: bool
    length: int | None = Field(description=_("Blocks of its last valid chain."))
    tip: Position | None
    active: bool = Field(description=_("Whether its tip is on our active chain."))
    known: bool = Field(description=_("Whether we hold its tip."))
    shared: int | None = Field(description=_("Blocks its chain has in common with ours."))
    difference: int
    registered_at: Moment
    last_success_at: Moment | None
    last_failure_at: Moment | None
    failure: str = Field(description=_("Why it failed last; empty if it answered."))
    failures: int
    latency: float | None = Field(description=_("Seconds until its answer began."))
    next_visit_at: Moment | None
    score: float = Field(description=_("Misbehaviour, which decays."))
    banned_until: Moment | None
    ban_reason: str


class Peers(Schema):
    """All peers, in the order they were registered, and how many stand to us in which way."""

    tip: Position
    peers: list[Peer]
    counts: dict[str, int]


class Branch(Schema):
    """A chain that this node left. `blocks` are its highest, 20 at most, oldest first."""

    tip: Position
    fork_index: Index = Field(description=_("The last index shared with the active chain."))
    length: int
    blocks: list[Position]
    reorganisation: int = Field(description=_("The one that left it."))
    left_at: Moment


class Forks(Schema):
    """The active chain's tip, and the side branches' ones, newest first."""

    tip: Position
    branches: list[Branch]


class Reorganisation(Schema):
    """The active chain left one branch for another."""

    id: int
    at: Moment
    fork_index: Index = Field(description=_("The last index that stayed; 0: not even the genesis."))
    disconnected: int
    connected: int
    old_tip: Position
    new_tip: Position
    source: str
    returned: int = Field(description=_("Transactions that wait again."))
    released: int = Field(description=_("Left to the node that acknowledged them."))
    confirmed: int = Field(description=_("Found again on the new branch."))


class Reorganisations(Schema):
    """The journal, newest first."""

    reorganisations: list[Reorganisation]
    count: int
    next: Next


class Side(Schema):
    """The blocks of one side, the newest first; `more` are not listed."""

    blocks: list[Position]
    more: int


class Effect(Schema):
    """What it did to a transaction, and where that is now."""

    id: Id
    sender: str
    recipient: str
    amount: Integer
    state: str
    effect: str = Field(description=_("returned, released or confirmed."))
    block: Index | None


class Account(Reorganisation):
    """One of them, with what went, what came, and what it did to transactions (100 at most)."""

    left: Side
    came: Side
    transactions: list[Effect]
