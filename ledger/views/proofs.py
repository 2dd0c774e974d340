"""What makes a block believable, step by step: the page shows these steps, and the reader's
browser takes them again (`static/js/block-check.js`)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from ledger.consensus import Network, hash_of
from ledger.consensus.dialects import REWARD_SENDER
from ledger.consensus.policy import irregularity
from ledger.queries.blocks import BlockView

Values = Sequence[dict[str, Any]]


def check(view: BlockView, values: Values, network: Network) -> dict[str, Any]:
    """Each step with what it compares. `proof` and `previous` are null for a genesis."""
    block = view.block
    computed = hash_of(block.canonical)
    return {
        "hash": {"computed": computed, "holds": computed == block.hash},
        "previous": {"index": block.index - 1, "hash": block.parent_id} if view.parent else None,
        "following": (
            {"index": block.index + 1, "hash": view.following} if view.following else None
        ),
        "proof": _proof(view, network),
        "reward": _reward(values),
    }


def _proof(view: BlockView, network: Network) -> dict[str, Any] | None:
    """The proof's message in its parts, and the zeros its hash begins with."""
    block, parent = view.block, view.parent
    if parent is None:
        return None
    last_proof, proof = int(parent.proof), int(block.proof)
    before, after = network.proof_template(last_proof, parent.hash)
    message = network.proof_message(last_proof, proof, parent.hash)
    digest = sha256(message).hexdigest()
    zeros = len(digest) - len(digest.lstrip("0"))
    return {
        "before": before.decode(),
        "digits": network.dialect.number_text(proof),
        "after": after.decode(),
        "digest": digest,
        "zeros": digest[: min(zeros, network.difficulty)],
        "rest": digest[min(zeros, network.difficulty) :],
        "needed": network.difficulty,
        "holds": network.proof_holds(last_proof, proof, parent.hash),
    }


def _reward(values: Values) -> dict[str, str] | None:
    """Who was paid for the block: the last transaction, if it is a reward as it should be."""
    if not values or values[-1].get("sender") != REWARD_SENDER:
        return None
    last = values[-1]
    if irregularity(last, last=True):
        return None
    return {"to": last["recipient"], "amount": str(last["amount"])}
