"""Mining."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _
from ninja import Field, Schema
from pydantic import ConfigDict, StrictStr

from .shared import Hash, Index, Integer, SentProof


class Search(Schema):
    """The search under way, of this node's own."""

    searching: Index | None = Field(description=_("The index searched for; null when idle."))
    tries: int
    elapsed: float = Field(description=_("Seconds since this search began."))
    rate: float = Field(description=_("Tries a second."))
    odds: Integer = Field(description=_("One try in so many succeeds."))
    waiting: int = Field(description=_("Requests for a block behind this one."))


class Started(Schema):
    """A block was asked for."""

    index: Index = Field(description=_("What the next block's index is as things stand."))
    after: int = Field(
        description=_("The last event before; `/events?after=` it tells of the block.")
    )


class Cancelled(Schema):
    """What became of the searches."""

    cancelled: bool = Field(description=_("Whether there was any."))


class Puzzle(Schema):
    """The proof is a number whose decimal digits, set between `before` and `after` in UTF-8, make
    a text whose SHA-256 begins with so many zeros, in hexadecimal."""

    before: str
    after: str
    zeros: int


class Carried(Schema):
    """A transaction that the block would hold."""

    sender: str
    recipient: str
    amount: Integer


class Template(Schema):
    """A block without its proof, as it would be stored. It holds until the tip moves."""

    template: str = Field(description=_("Its name, to be sent back with the proof."))
    index: Index
    previous_hash: Hash
    timestamp: float
    puzzle: Puzzle
    transactions: list[Carried]


class Proof(Schema):
    """A template, and the proof that was found for it."""

    model_config = ConfigDict(extra="forbid")

    template: StrictStr = Field(min_length=1, max_length=4000)
    proof: SentProof = Field(description=_("Beyond 2^53 as a string of digits."))


class Sealed(Schema):
    """The block, which is on the chain now."""

    index: Index
    hash: Hash
    transactions: int
