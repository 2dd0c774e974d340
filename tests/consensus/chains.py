"""What the tests of the rules share: recorded chains, made chains, and ways to cut a body up."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.consensus import (
    DEFAULT_CAPS,
    DVF,
    JS,
    SEED,
    Block,
    Caps,
    ChainBody,
    Network,
    Refused,
    hash_of,
    read_chain,
)

VECTORS = Path(__file__).parents[1] / "vectors"
DIALECTS = (SEED, DVF, JS)
PYTHON_DIALECTS = (SEED, DVF)
EASY = {dialect.name: Network(dialect, 0) for dialect in DIALECTS}
"""Networks on which any proof holds: where the proof is not the point, nobody has to search."""

each_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
each_python_dialect = pytest.mark.parametrize(
    "dialect", PYTHON_DIALECTS, ids=lambda dialect: dialect.name
)


def recorded(name: str) -> bytes:
    """The body a real node of that dialect served."""
    return (VECTORS / f"{name}-a.json").read_bytes()


def recorded_tips() -> dict[str, tuple[int, str]]:
    """The README's table of the recorded chains: name to length and hash of the last block."""
    table = re.findall(r"\| (\w+)-a\.json \| (\d+) \| ([0-9a-f]{64}) \|", _vectors_readme())
    return {name: (int(length), tip) for name, length, tip in table}


def _vectors_readme() -> str:
    return (VECTORS / "README.md").read_text()


def make_block(network: Network, *, genesis: bool = False, **changes: Any) -> dict[str, Any]:
    """A block's value, a genesis or one that follows nothing in particular."""
    block: dict[str, Any] = network.genesis(1506057125.900785)
    if not genesis:
        block |= {"index": 2, "proof": 35293, "previous_hash": "0" * 64}
    return block | changes


def make_chain(
    network: Network, length: int, transactions: Iterable[list[Any]] = ()
) -> Iterator[dict[str, Any]]:
    """A valid chain, one block after the other; the n-th list of transactions goes into block n."""
    contents = iter(transactions)
    block = make_block(network, genesis=True, transactions=next(contents, []))
    while True:
        yield block
        if block["index"] == length:
            return
        text = network.canonical(block)
        proof = 0
        while not network.proof_holds(block["proof"], proof, hash_of(text)):
            proof += 1
        block = make_block(
            network,
            index=block["index"] + 1,
            timestamp=network.dialect.timestamp(1506057125 + block["index"]),
            transactions=next(contents, [network.reward("ab" * 16)]),
            proof=proof,
            previous_hash=hash_of(text),
        )


def body_of(blocks: Iterable[Any], **also: Any) -> bytes:
    """A `/chain` body as Flask's jsonify writes it: sorted, compact, ASCII."""
    chain = list(blocks)
    answer = {"chain": chain, "length": len(chain)} | also
    return json.dumps(answer, sort_keys=True, separators=(",", ":")).encode()


def in_pieces(body: bytes, size: int) -> list[bytes]:
    return [body[start : start + size] for start in range(0, len(body), size)]


def in_random_pieces(body: bytes, dice: random.Random) -> list[bytes]:
    pieces = []
    at = 0
    while at < len(body):
        size = dice.choice((0, 1, 1, 2, 3, 7, 50, 400, 5000))
        pieces.append(body[at : at + size])
        at += size
    return pieces


def read(body: bytes | Iterable[bytes], network: Network, caps: Caps = DEFAULT_CAPS) -> list[Block]:
    return list(read_chain([body] if isinstance(body, bytes) else body, network, caps))


def texts(body: bytes | Iterable[bytes], network: Network) -> list[str]:
    """The blocks of a body as they stand on the wire, not judged."""
    chunks = [body] if isinstance(body, bytes) else body
    return [piece.text for piece in ChainBody(chunks, network.dialect.decoder)]


def refusal(body: bytes | Iterable[bytes], network: Network, caps: Caps = DEFAULT_CAPS) -> Refused:
    """What a body is refused with. Anything but a refusal, of any kind, fails the test."""
    with pytest.raises(Refused) as caught:
        read(body, network, caps)
    return caught.value
