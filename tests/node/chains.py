"""Chains as another node would have made them, valid or spoiled in one place.

Blocks are handled as their canonical texts, and proofs are searched for here, in the test.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from typing import Any

from ledger.consensus import SEED, Network, hash_of, read_chain
from ledger.models import ActiveBlock, Block
from ledger.node import branch, sealing
from ledger.node.chainstate import Switch
from ledger.node.writer import Writer

NETWORK = Network(SEED, 1)

Entry = dict[str, Any]

# What honest old nodes can have mined although no node of ours would have taken it.
IRREGULAR: tuple[Entry, ...] = (
    {"sender": "i", "recipient": "odd", "amount": -5},
    {"sender": "i", "recipient": "odd", "amount": 1.5},
    {"sender": "i", "recipient": "odd", "amount": float("nan")},
    {"sender": "i", "recipient": "odd", "amount": 2**63},
    {"sender": "i", "recipient": "odd", "amount": "7"},
    {"sender": "i", "recipient": "odd", "amount": True},
    {"sender": "0", "recipient": "odd", "amount": 50},
    {"sender": "0", "recipient": "odd", "amount": 1},
    {"sender": ["i"], "recipient": {"odd": 1}, "amount": 1},
    {"sender": "i\ud800", "recipient": "odd", "amount": 1},
    {"sender": "x" * 257, "recipient": "odd", "amount": 1},
    {"recipient": "odd", "amount": 1},
    {},
)


def proof_after(last_proof: int, last_hash: str, network: Network = NETWORK) -> int:
    """The smallest proof that may follow."""
    return next(n for n in itertools.count() if network.proof_holds(last_proof, n, last_hash))


def genesis(seconds: float, network: Network = NETWORK) -> str:
    return network.canonical(network.genesis(seconds))


def grow(
    texts: Sequence[str],
    contents: Iterable[Sequence[Entry]],
    seconds: float,
    network: Network = NETWORK,
) -> list[str]:
    """`texts`, a chain from its genesis on, with a block more for each of `contents`."""
    chain = list(texts)
    last, last_hash = json.loads(chain[-1]), hash_of(chain[-1])
    for entries in contents:
        last = {
            "index": last["index"] + 1,
            "timestamp": seconds,
            "transactions": list(entries),
            "proof": proof_after(last["proof"], last_hash, network),
            "previous_hash": last_hash,
        }
        chain.append(network.canonical(last))
        last_hash = hash_of(chain[-1])
    return chain


def reward(recipient: str) -> Entry:
    return NETWORK.reward(recipient)


def body(texts: Sequence[str]) -> bytes:
    """What `GET /chain` of such a node answers."""
    return f'{{"chain": [{", ".join(texts)}], "length": {len(texts)}}}'.encode()


def active_texts() -> list[str]:
    """The active chain of the node under test."""
    rows = ActiveBlock.objects.order_by("index").values_list("block__canonical", flat=True)
    return list(rows)


def texts_up_to(digest: str) -> list[str]:
    """The chain that ends in a stored block, active or stale."""
    texts: list[str] = []
    wanted: str | None = digest
    while wanted is not None:
        block = Block.objects.get(hash=wanted)
        texts.append(block.canonical)
        wanted = block.parent_id
    return texts[::-1]


def adopt(texts: Sequence[str], writer: Writer, network: Network = NETWORK) -> Switch | None:
    """Hand a chain to the node as a peer's answer: read, judged, spooled, adopted."""
    spooled = branch.spool(read_chain([body(texts)], network))
    try:
        return branch.adopt(spooled, network, writer, Block.Origin.PEER, "peer:1")
    finally:
        spooled.close()


def frozen(identifier: str, network: Network = NETWORK) -> tuple[sealing.Template, int]:
    """A block to seal, and its proof."""
    template = sealing.freeze(network, identifier)
    return template, proof_after(template.parent.proof, template.parent.hash, network)


def seal(identifier: str, writer: Writer, network: Network = NETWORK) -> str:
    """Seal a block as the miner does; answer with its hash."""
    template, proof = frozen(identifier, network)
    return writer.run(lambda: sealing.seal(template, proof)).hash
