"""Verdicts without an effect."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _
from ninja import Field, Schema

from .shared import Hash, Position


class TransactionVerdict(Schema):
    """Whether this node would take a transaction as things stand, and every reason if not."""

    acceptable: bool
    reasons: list[str]


class Fault(Schema):
    """A rule that is broken."""

    reason: str = Field(description=_("The rule's name, which stays as it is."))
    detail: str


class Irregular(Schema):
    """A transaction that no balance would count. It does not make the block invalid."""

    position: int
    reason: str


class Parent(Position):
    """The block it follows."""

    active: bool


class BlockVerdict(Schema):
    """What this node would say to a block, with every reason."""

    valid: bool
    faults: list[Fault]
    hash: Hash | None = Field(description=_("Null where the text is no block."))
    canonical: str | None = Field(description=_("The text that is hashed."))
    parent: Parent | None = Field(
        description=_("The block it follows, of those this node holds; null for a genesis, too.")
    )
    known: bool = Field(description=_("Whether this node has it already."))
    irregular: list[Irregular]
