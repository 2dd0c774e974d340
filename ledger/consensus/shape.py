"""The text of a regular block, put together from what it says: `regular` the other way round.

For whoever has the contents of blocks in hand already, and wants to know whether their texts say
just that.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

# Printable, without the backslash: what stands for itself in a string, and the quotes around it.
_PLAIN: Final = bytes(set(range(0x20, 0x7F)) - {0x5C})
_QUOTES: Final = 12  # in a regular block without transactions
_QUOTES_EACH: Final = 10
_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Shape:
    """How a family of nodes writes regular transactions: `entry` is what stands around the amount,
    the recipient and the sender of one, `between` what stands between two."""

    entry: tuple[str, str, str, str]
    between: str

    def text_of_entry(self, amount: int, recipient: str, sender: str) -> str:
        """The text of one transaction, if its names are plain."""
        before, then, last, end = self.entry
        return f"{before}{amount}{then}{recipient}{last}{sender}{end}"

    def text_of(
        self, index: int, previous_hash: str, proof: str, timestamp: float, entries: str
    ) -> str:
        """The text of a block, if what is in it is plain (`is_plain`)."""
        return self.texts_of(index, [previous_hash], [proof], [timestamp], [entries])[0]

    def texts_of(
        self,
        first: int,
        previous_hashes: Sequence[str],
        proofs: Sequence[str],
        timestamps: Sequence[float],
        entries: Sequence[str],
    ) -> list[str]:
        """The texts of blocks from index `first` on."""
        return [
            f'{{"index": {index}, "previous_hash": "{previous_hash}", "proof": {proof},'
            f' "timestamp": {timestamp!r}, "transactions": [{transactions}]}}'
            for index, previous_hash, proof, timestamp, transactions in zip(
                count(first), previous_hashes, proofs, timestamps, entries, strict=False
            )
        ]

    def is_plain(self, texts: str, counts: Sequence[int]) -> bool:
        """Whether texts that `text_of` made, strung together, are the canonical texts of blocks
        with just these contents: no string in them holds what is escaped, or what ends it.

        `counts` has for each how many texts of `text_of_entry` are in it, of amounts from 0.
        """
        return (
            texts.isascii()
            and not texts.encode().translate(None, _PLAIN)
            # Each has at least so many, so that if all have not more, none has.
            and texts.count('"') == _QUOTES * len(counts) + _QUOTES_EACH * sum(counts)
        )


def is_plain_number(proof: str) -> bool:
    """Whether a proof is written as a block's text has it, and is not larger than most."""
    return (
        proof.isascii()
        and proof.isdigit()
        and len(proof) <= _DIGITS
        and (proof[0] != "0" or proof == "0")
    )


def is_plain_time(timestamp: object) -> bool:
    """Whether a timestamp is a number with a fraction."""
    return type(timestamp) is float and math.isfinite(timestamp)


PYTHON: Final = Shape(
    entry=('{"amount": ', ', "recipient": "', '", "sender": "', '"}'), between=", "
)
