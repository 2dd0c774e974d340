"""The regular block shape, recognised by its text: a short cut to the verdict of the general rules.

Nearly every block on these networks has the five keys and nothing else, three keys a transaction,
plain strings and ordinary numbers, and comes as Python's or Flask's `json` writes it. One regular
expression knows such a text, and what it knows need not be taken apart and put together again to
find its canonical text. Whatever it does not know is not wrong: it takes the general way.
"""

from __future__ import annotations

import re
from typing import Final

from .primitives import Caps

_DIGITS: Final = 18
_DEPTH: Final = 3  # the block, its transactions, each of them

_COUNT: Final = r"(?:0|[1-9][0-9]{0,17}+)"
_AMOUNT: Final = r"(?:0|-?[1-9][0-9]{0,17}+)"  # `-0` is read as 0, and written so
# Without an exponent; whether Python would print it so is another question (`_as_python_prints`).
_FLOAT: Final = r"(?:0|[1-9][0-9]{0,14}+)\.[0-9]{1,9}+"
# Printable ASCII without quotes and backslashes: a character a character, in any spelling.
_STRING: Final = r'"[ !#-\[\]-~]*+"'
# And without what stands between things, which is spaced out by replacing it.
_TIGHT_STRING: Final = r'"[ !#-+\--9;-Z\[\]^-z|~]*+"'


def _shape(string: str, space: str) -> re.Pattern[str]:
    comma, colon = f",{space}", f":{space}"
    transaction = (
        rf'\{{"amount"{colon}{_AMOUNT}{comma}"recipient"{colon}{string}{comma}'
        rf'"sender"{colon}{string}\}}'
    )
    return re.compile(
        rf'\{{"index"{colon}{_COUNT}{comma}"previous_hash"{colon}{string}{comma}"proof"{colon}'
        rf'{_COUNT}{comma}"timestamp"{colon}({_COUNT}|{_FLOAT}){comma}"transactions"{colon}'
        rf"\[(?:{transaction}(?:{comma}{transaction})*+)?\]\}}"
    )


_SPACED: Final = _shape(_STRING, " ")
_TIGHT: Final = _shape(_TIGHT_STRING, "")


def python_regular(wire: str) -> str | None:
    """The canonical text of a regular block in the Python dialects; None if `wire` is not known.

    Where it is known it is a block by its shape, names no key twice, nests three deep, and has no
    integer of more than 18 digits.
    """
    if found := _SPACED.fullmatch(wire):
        return wire if _as_python_prints(found[1]) else None
    if (found := _TIGHT.fullmatch(wire)) and _as_python_prints(found[1]):
        return wire.replace('":', '": ').replace(',"', ', "').replace("},{", "}, {")
    return None


def is_within(caps: Caps, canonical: str) -> bool:
    """Whether every block of this shape with this text is within the caps."""
    return len(canonical) <= caps.block_bytes and caps.digits >= _DIGITS and caps.depth >= _DEPTH


def never_regular(wire: str) -> None:
    """For dialects without a short cut."""


def _as_python_prints(number: str) -> bool:
    return "." not in number or repr(float(number)) == number
