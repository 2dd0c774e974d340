"""Addresses."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _
from ninja import Field, Schema

from .shared import Hash, Id, Index, Integer, Next
from .transactions import Transaction


class Address(Schema):
    """What a name has on the active chain. Irregular transactions are entries, and not counted."""

    name: str
    balance: Integer
    received: Integer
    sent: Integer
    entries: int = Field(description=_("How long its history is."))
    pending: list[Transaction] = Field(
        description=_("What waits in the pool from or to it, 50 at most.")
    )


class Movement(Schema):
    """An entry of a history."""

    index: Index
    hash: Hash
    position: int
    timestamp: float | None
    id: Id | None
    sender: str | None
    recipient: str | None
    irregular: str = Field(description=_("Why no balance counts it; empty for a regular one."))
    change: Integer = Field(description=_("What it did to the balance; 0 where it is irregular."))
    balance: Integer = Field(description=_("After it."))


class History(Schema):
    """A page of a history, the newest first."""

    name: str
    history: list[Movement]
    next: Next
