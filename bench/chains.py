"""Chains to measure with: N blocks of K transactions, as a file in the format of `GET /chain`.

The proofs are real. That many can be made because in the `seed` dialect a proof depends on the last
proof alone: the smallest ones soon repeat in a cycle.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ledger.mining.kernel import search

HUB = "hub"
"""An address that has an entry in every second block."""


def blocks(count: int, transactions: int, difficulty: int = 4) -> Iterator[str]:
    """The canonical texts of a valid chain. The last transaction of a block is the reward."""
    encode = json.JSONEncoder(sort_keys=True).encode
    next_proof: dict[int, int] = {}
    value: dict[str, Any] = {
        "index": 1,
        "previous_hash": 1,
        "proof": 100,
        "timestamp": 1_700_000_000.5,
        "transactions": [],
    }
    for index in range(1, count + 1):
        text = encode(value)
        yield text
        last = value["proof"]
        if last not in next_proof:
            found = search(str(last).encode(), b"", difficulty, 0, 10**9)
            assert found is not None
            next_proof[last] = found
        value = {
            "index": index + 1,
            "previous_hash": hashlib.sha256(text.encode()).hexdigest(),
            "proof": next_proof[last],
            "timestamp": 1_700_000_000.5 + index * 1.25,
            "transactions": _transactions(index + 1, transactions),
        }


def _transactions(index: int, count: int) -> list[dict[str, Any]]:
    payments = [
        {
            "sender": HUB if at == 0 and index % 2 else f"user{(index * 7 + at) % 500}",
            "recipient": f"user{(index * 11 + at) % 500}",
            "amount": (index + at) % 100,
        }
        for at in range(count - 1)
    ]
    return [*payments, {"sender": "0", "recipient": "a" * 32, "amount": 1}]


def write(path: Path, count: int, transactions: int) -> None:
    """Write such a chain to a file."""
    with path.open("w") as file:
        file.write('{"chain": [')
        for at, text in enumerate(blocks(count, transactions)):
            file.write(text if at == 0 else ", " + text)
        file.write(f'], "length": {count}}}')
