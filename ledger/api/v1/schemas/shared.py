"""What several resources speak of."""

from __future__ import annotations

from typing import Annotated, Any

from django.utils.translation import gettext_noop as _
from ninja import Field, Schema
from pydantic import BeforeValidator, WithJsonSchema

_DIGITS = 400

Index = Annotated[int, Field(ge=0, description=_("A block's place in its chain, from 1."))]
Hash = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{64}$",
        description=_("SHA-256 of the block's canonical bytes, in hexadecimal."),
    ),
]
Integer = Annotated[
    str,
    Field(
        pattern="^-?[0-9]+$",
        description=_(
            "An integer of any size, as its decimal digits: JavaScript's numbers end at 2^53."
        ),
    ),
]


def _whole(value: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _DIGITS:
        return int(value)
    raise ValueError("must be an integer, or a string of its digits")


def _sent(most: int, digits: int) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0, "maximum": most},
                {"type": "string", "pattern": f"^[0-9]{{1,{digits}}}$"},
            ]
        }
    )


# Integers that are sent: what JavaScript cannot hold comes as digits.
SentAmount = Annotated[int, BeforeValidator(_whole), _sent(2**63 - 1, 18)]
SentProof = Annotated[int, BeforeValidator(_whole), _sent(2**53 - 1, _DIGITS)]
Moment = Annotated[str, Field(description=_("Date and time of this node's clock, ISO 8601."))]
Id = Annotated[
    str,
    Field(
        description=_("The name this node gave a transaction, a UUID; the protocol has none."),
        json_schema_extra={"format": "uuid"},
    ),
]
Next = Annotated[
    str | None, Field(description=_("The cursor of the next page; null where there is none."))
]


class Position(Schema):
    """A block by its place and hash."""

    index: Index
    hash: Hash
