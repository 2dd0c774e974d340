"""Transactions."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils.translation import gettext_noop as _
from ninja import Field, Schema
from pydantic import ConfigDict, StrictStr

from .shared import Hash, Id, Index, Integer, Moment, Next, SentAmount

_NAME: dict[str, Any] = {
    "minLength": 1,
    "maxLength": 256,
    "pattern": r"^[^\u0000-\u001f\u007f-\u009f\ud800-\udfff]*$",
}
Name = Annotated[StrictStr, Field(json_schema_extra=_NAME)]


class Submission(Schema):
    """A transaction as it is sent. Judged by the same rules as POST /transactions/new."""

    model_config = ConfigDict(extra="forbid")

    sender: Annotated[
        StrictStr,
        Field(
            description=_("Who pays; not `0`, which stands for the reward of mining."),
            json_schema_extra={**_NAME, "not": {"const": "0"}},
        ),
    ]
    recipient: Name = Field(description=_("Who is paid."))
    amount: SentAmount = Field(
        description=_("From 0 to 2^63 - 1 (`js`: 2^53 - 1); beyond 2^53 as a string of digits.")
    )

    def values(self) -> dict[str, Any]:
        """As the rules take them."""
        return {"sender": self.sender, "recipient": self.recipient, "amount": self.amount}


class Acknowledged(Schema):
    """What was promised, after it was on the disk."""

    id: Id
    promised_index: Index = Field(description=_("The block it should be in."))


class Transaction(Schema):
    """A transaction that this node or a peer of its kind acknowledged."""

    id: Id
    sender: str
    recipient: str
    amount: Integer
    state: str = Field(description=_("pending, confirmed, returned, released or refused."))
    reason: str = Field(description=_("Why it was refused; empty unless it was."))
    submitted_at: Moment
    promised_index: Index
    size: int = Field(description=_("Bytes it takes in a block."))
    relayed_by: str = Field(description=_("The peer it came from; empty if it was sent here."))


class Transactions(Schema):
    """Transactions, the newest first."""

    transactions: list[Transaction]
    next: Next


class Place(Schema):
    """Where it is on the active chain."""

    index: Index
    hash: Hash
    position: int


class Step(Schema):
    """Something that happened to it. Which keys there are depends on `what`."""

    what: str = Field(description=_("accepted, included, returned, confirmed or released."))
    at: Moment
    index: Index | None = None
    hash: Hash | None = None
    position: int | None = None
    active: bool | None = None
    fork_index: int | None = None
    disconnected: int | None = None
    connected: int | None = None
    source: str | None = None


class Life(Transaction):
    """A transaction, where it stands, and what became of it, in order."""

    confirmations: int
    place: Place | None
    history: list[Step]


class Pool(Schema):
    """What waits, in the order of its arrival."""

    count: int
    size: int = Field(description=_("Bytes all of it would take in blocks."))
    transactions: list[Transaction]
    next: Next
