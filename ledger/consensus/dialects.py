"""The dialects and the networks they make: every rule that differs, as one value.

A *dialect* is what the nodes of one family of ports agree on; with a difficulty it makes the rules
of a *network* (protocol, section 2). Nothing above this floor asks which dialect it is dealing
with: it asks the `Network` for the bytes, the proof, the reward or the choice between chains. So a
stricter network can stand beside these three without another line elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from . import encoding, fork_choice, regular
from .encoding import Json
from .primitives import Block, Caps
from .proof import all_have_zeros
from .shape import PYTHON, Shape

GENESIS_INDEX: Final = 1
GENESIS_PROOF: Final = 100
REWARD_SENDER: Final = "0"
REWARD_AMOUNT: Final = 1
MAX_DIFFICULTY: Final = 16  # 16**16 tries: no search of this lineage ever ends there


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one family of nodes writes and hashes.

    `genesis_previous_hash` is the literal a genesis of ours carries, `accepted_genesis` the ones
    taken from a peer. `decoder` and `encode` are the two halves of the canonical text;
    `encode_object` makes an object's from those of its members, `separator` stands in lists.
    `read_regular` is a short cut for blocks of the regular shape (`regular`), `read_lines` one for
    many of them, and `shape` has how these are written; None where there is no short cut.
    `number_text` is how a proof is printed into the proof's message, `proof_names_last_hash`
    whether that message ends with the last block's hash. `largest_amount` is the largest integer
    this dialect carries without rounding it (protocol, section 4, *policy*).
    """

    name: str
    spoken_by: str
    genesis_previous_hash: str | int
    accepted_genesis: tuple[str | int, ...]
    decoder: json.JSONDecoder
    encode: Callable[[Json], str]
    encode_object: Callable[[Mapping[str, str]], str]
    separator: str
    read_regular: Callable[[str, int, Caps], tuple[Block, int] | None]
    read_lines: Callable[[bytes, Sequence[bytes], Caps], regular.Columns | None]
    shape: Shape | None
    number_text: Callable[[int], str]
    proof_names_last_hash: bool
    timestamp: Callable[[float], float | int]
    largest_amount: int

    def accepts_genesis_literal(self, value: Json) -> bool:
        # By type as well as by value: in Python True == 1 == 1.0, and each hashes differently.
        return any(type(value) is type(own) and value == own for own in self.accepted_genesis)


def _javascript_time(seconds: float) -> float | int:
    """`Date.now() / 1000`: whole milliseconds, and no `.0` on a whole second."""
    milliseconds = round(seconds * 1000)
    return milliseconds // 1000 if milliseconds % 1000 == 0 else milliseconds / 1000


SEED: Final = Dialect(
    name="seed",
    spoken_by="the article and its Korean retelling",
    genesis_previous_hash=1,
    accepted_genesis=(1, "1"),
    decoder=encoding.python_decoder,
    encode=encoding.python_text,
    encode_object=encoding.python_object,
    separator=", ",
    read_regular=regular.read_python,
    read_lines=regular.read_python_lines,
    shape=PYTHON,
    number_text=str,
    proof_names_last_hash=False,
    timestamp=float,
    largest_amount=2**63 - 1,
)
DVF: Final = Dialect(
    name="dvf",
    spoken_by="the article's repository since 2018-04-27",
    genesis_previous_hash="1",
    accepted_genesis=("1",),
    decoder=encoding.python_decoder,
    encode=encoding.python_text,
    encode_object=encoding.python_object,
    separator=", ",
    read_regular=regular.read_python,
    read_lines=regular.read_python_lines,
    shape=PYTHON,
    number_text=str,
    proof_names_last_hash=True,
    timestamp=float,
    largest_amount=2**63 - 1,
)
JS: Final = Dialect(
    name="js",
    spoken_by="ports to Node.js and TypeScript",
    genesis_previous_hash="1",
    accepted_genesis=("1",),
    decoder=encoding.ecmascript_decoder,
    encode=encoding.ecmascript_text,
    encode_object=encoding.ecmascript_object,
    separator=",",
    read_regular=regular.read_none,
    read_lines=regular.read_no_lines,
    shape=None,
    number_text=encoding.ecmascript_integer_text,
    proof_names_last_hash=True,
    timestamp=_javascript_time,
    largest_amount=2**53 - 1,
)

DIALECTS: Final = {dialect.name: dialect for dialect in (SEED, DVF, JS)}


@dataclass(frozen=True, slots=True)
class Network:
    """The rules of one network: a dialect at a difficulty (leading zero hex digits of a proof)."""

    dialect: Dialect
    difficulty: int = 4

    def __post_init__(self) -> None:
        if not 0 <= self.difficulty <= MAX_DIFFICULTY:
            raise ValueError(f"difficulty is 0 to {MAX_DIFFICULTY}, not {self.difficulty}")

    def __str__(self) -> str:
        return f"{self.dialect.name}, difficulty {self.difficulty}"

    def canonical(self, value: Json) -> str:
        """The text whose bytes this network hashes for `value`."""
        return self.dialect.encode(value)

    def proof_template(self, last_proof: int, last_hash: str) -> tuple[bytes, bytes]:
        """What stands before and after the proof's digits in the message that is hashed."""
        tail = last_hash if self.dialect.proof_names_last_hash else ""
        return self.dialect.number_text(last_proof).encode(), tail.encode()

    def proof_message(self, last_proof: int, proof: int, last_hash: str) -> bytes:
        """The bytes whose SHA-256 must start with `difficulty` zeros (protocol, section 2)."""
        before, after = self.proof_template(last_proof, last_hash)
        return before + self.dialect.number_text(proof).encode() + after

    def proof_holds(self, last_proof: int, proof: int, last_hash: str) -> bool:
        """Whether `proof` may follow `last_proof`: the article's `valid_proof`."""
        text = self.dialect.number_text
        return self.written_proof_holds(text(last_proof), text(proof), last_hash)

    def written_proof_holds(self, last_proof: str, proof: str, last_hash: str) -> bool:
        """The same of numbers that are written already, as the dialect writes them."""
        return self.written_proofs_hold((last_proof, proof), (last_hash,))

    def written_proofs_hold(self, proofs: Sequence[str], last_hashes: Sequence[str]) -> bool:
        """The same of each of these but the first, which follows the one before it."""
        messages: Iterable[str]
        if self.dialect.proof_names_last_hash:
            messages = map("".join, zip(proofs, proofs[1:], last_hashes, strict=False))
        else:  # the smallest proofs soon repeat in a cycle: of many, few differ
            messages = set(map("".join, pairwise(proofs)))
        return all_have_zeros(map(str.encode, messages), self.difficulty)

    def genesis(self, seconds: float) -> dict[str, Json]:
        """A genesis of our own, made at `seconds` since the epoch."""
        return {
            "index": GENESIS_INDEX,
            "timestamp": self.dialect.timestamp(seconds),
            "transactions": [],
            "proof": GENESIS_PROOF,
            "previous_hash": self.dialect.genesis_previous_hash,
        }

    def reward(self, recipient: str) -> dict[str, Json]:
        """The transaction that pays whoever mined a block; it stands last."""
        return {"sender": REWARD_SENDER, "recipient": recipient, "amount": REWARD_AMOUNT}

    def prefers(self, candidate_length: int, own_length: int) -> bool:
        """Whether a valid chain of `candidate_length` blocks replaces ours of `own_length`."""
        return fork_choice.prefers(candidate_length, own_length)
