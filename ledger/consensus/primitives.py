"""The values the rules speak of. They are immutable and know no storage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Block:
    """A block whose shape was checked, with the text that is hashed and its hash.

    `index` counts from 1. `timestamp` is Unix time in seconds, as its maker wrote it; nobody
    promises that it is in order, or finite. `transactions` are JSON objects in the block's order.
    `previous_hash` is the parent's hash, or the dialect's literal in a genesis.
    """

    index: int
    timestamp: float | int
    transactions: Sequence[dict[str, Any]]
    proof: int
    previous_hash: str | int
    canonical: str
    hash: str


@dataclass(frozen=True, slots=True)
class Place:
    """What a block's successor needs to know of it: enough to judge a chain in constant memory."""

    index: int
    proof: int
    hash: str

    @classmethod
    def of(cls, block: Block) -> Place:
        return cls(block.index, block.proof, block.hash)


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits on what is read. The first three are rules: the same on every node, so that all nodes
    come to the same verdict (protocol, section 4). The others guard this node's memory and disk.
    """

    depth: int = 32
    """Nesting of objects and lists, the block itself being 1."""
    digits: int = 400
    """Decimal digits of an integer."""
    block_bytes: int = 1024 * 1024
    """A block's canonical text in UTF-8."""

    wire_block_bytes: int = 4 * 1024 * 1024
    """A block's text on the wire: old Flask nodes indent what they serve."""
    chain_bytes: int = 512 * 1024 * 1024
    chain_blocks: int = 1_000_000


DEFAULT_CAPS = Caps()
