"""The regular block shape, recognised by its text: a short cut to the verdict of the general rules.

Nearly every block on these networks has the five keys and nothing else, three keys a transaction,
plain strings and ordinary numbers, and comes as Python's or Flask's `json` writes it. One regular
expression knows such a text, and what it knows need not be decoded, nor put together again to find
its canonical text. Whatever it does not know is not wrong: it takes the general way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, overload

from .encoding import hash_of, python_decoder
from .primitives import Block, Caps

_DIGITS: Final = 18
_DEPTH: Final = 3  # the block, its transactions, each of them

_COUNT: Final = r"(?:0|[1-9][0-9]{0,17}+)"
_AMOUNT: Final = r"(?:0|-?[1-9][0-9]{0,17}+)"  # `-0` is read as 0, and written so
# Without an exponent; whether Python would print it so is another question (`_as_python_prints`).
_FLOAT: Final = r"(?:0|[1-9][0-9]{0,14}+)\.[0-9]{1,9}+"
# Printable ASCII without quotes and backslashes: a character a character, in any spelling.
_STRING: Final = r"[ !#-\[\]-~]*+"
# And without what stands between things, which is spaced out by replacing it.
_TIGHT_STRING: Final = r"[ !#-+\--9;-Z\[\]^-z|~]*+"


def _shape(string: str, space: str) -> re.Pattern[str]:
    comma, colon = f",{space}", f":{space}"
    transaction = (
        rf'\{{"amount"{colon}{_AMOUNT}{comma}"recipient"{colon}"{string}"{comma}'
        rf'"sender"{colon}"{string}"\}}'
    )
    return re.compile(
        rf'\{{"index"{colon}({_COUNT}){comma}"previous_hash"{colon}"({string})"{comma}"proof"{colon}'
        rf'({_COUNT}){comma}"timestamp"{colon}({_COUNT}|{_FLOAT}){comma}"transactions"{colon}'
        rf"\[(?:{transaction}(?:{comma}{transaction})*+)?\]\}}"
    )


_SPACED: Final = _shape(_STRING, " ")
_TIGHT: Final = _shape(_TIGHT_STRING, "")
_LINE: Final = re.compile(f"^{_SPACED.pattern}$".encode(), re.MULTILINE)
# Quotes are structure here: no string of a regular block has one.
_TRANSACTION: Final = '{"amount": '
_ENTRY: Final = re.compile(r'\{"amount": ([^,]++), "recipient": "([^"]*+)", "sender": "([^"]*+)"\}')


class RegularTransactions(Sequence[dict[str, Any]]):
    """A regular block's transactions: decoded from its canonical text whenever they are looked at,
    which few do."""

    __slots__ = ("_canonical",)

    def __init__(self, canonical: str) -> None:
        self._canonical = canonical

    def entries(self) -> list[tuple[str, str, str]]:
        """Of each the amount's text, the recipient and the sender, without decoding them."""
        return _ENTRY.findall(self._canonical)

    def _decoded(self) -> list[dict[str, Any]]:
        values: list[dict[str, Any]] = python_decoder.decode(self._canonical)["transactions"]
        return values

    def __len__(self) -> int:
        return self._canonical.count(_TRANSACTION)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._decoded())

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return self._decoded()[at]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._decoded() == list(other)

    __hash__ = None  # type: ignore[assignment] # as a list

    def __repr__(self) -> str:
        return repr(self._decoded())


def remembered(canonical: str, digest: str) -> Block:
    """The block of a canonical text that was read before, and found to be regular."""
    _, _, index, _, _, previous_hash, _, _, proof, _, rest = canonical.split('"', 10)
    time = rest[2 : rest.index(",")]
    return Block(
        int(index[2:-2]),
        float(time) if "." in time else int(time),
        RegularTransactions(canonical),
        int(proof[2:-2]),
        previous_hash,
        canonical,
        digest,
    )


def read_python(text: str, at: int, caps: Caps) -> tuple[Block, int] | None:
    """The block of regular shape whose text begins at `at`, in the Python dialects, and where that
    ends; None if none is known there, or the caps need a closer look.

    Where it is known it is a block by its shape, names no key twice, nests three deep, and has no
    integer of more than 18 digits.
    """
    found = _SPACED.match(text, at)
    if found is not None:
        canonical = found[0]
    else:
        found = _TIGHT.match(text, at)
        if found is None:
            return None
        canonical = found[0].replace('":', '": ').replace(',"', ', "').replace("},{", "}, {")
    index, previous_hash, proof, time = found.groups()
    if "." not in time:
        timestamp: float | int = int(time)
    else:
        timestamp = float(time)
        if repr(timestamp) != time:  # Python would print it otherwise
            return None
    if len(canonical) > caps.block_bytes or not _has_room(caps):
        return None
    block = Block(
        int(index),
        timestamp,
        RegularTransactions(canonical),
        int(proof),
        previous_hash,
        canonical,
        hash_of(canonical),
    )
    return block, found.end()


class Columns(NamedTuple):
    """What regular blocks say beside their times and transactions, as it is written."""

    indexes: list[str]
    previous_hashes: list[str]
    proofs: list[str]


def read_python_lines(text: bytes, lines: Sequence[bytes], caps: Caps) -> Columns | None:
    """What each line of `text` says, if every one is the canonical text of a regular block in the
    Python dialects; None if one is not, or the caps need a closer look."""
    found = _LINE.findall(text)
    if len(found) != len(lines) or not _has_room(caps) or max(map(len, lines)) > caps.block_bytes:
        return None
    *columns, times = (
        b"\n".join(column).decode().split("\n") for column in zip(*found, strict=True)
    )
    printed = list(map(repr, map(float, times)))
    if printed != times and not all(
        own == time or time.isdigit() for own, time in zip(printed, times, strict=True)
    ):
        return None  # one is not as Python prints it, which an integer is by its shape
    return Columns(*columns)


def _has_room(caps: Caps) -> bool:
    """Whether no regular block has too many digits, or nests too deep."""
    return caps.digits >= _DIGITS and caps.depth >= _DEPTH


def read_none(text: str, at: int, caps: Caps) -> None:
    """For dialects without a short cut."""


def read_no_lines(text: bytes, lines: Sequence[bytes], caps: Caps) -> None:
    """For dialects without one for many."""
