"""A frame of each kind, as this node sends it."""

from __future__ import annotations

from typing import Any, Final

from ledger.queries.peers import RELATIONS

_AT: Final = "2026-11-28T14:57:38.439587+00:00"
_ID: Final = "4a4623bd-e3bc-4eae-84ed-236bfd9766b9"
_HASH: Final = "981bcb8d5eb0d4c18bb1a76dd6a0964a0db8b028fb1fb22ca6f4f9643936a728"
_OTHER: Final = "efa61007b4916bd3ff51e3235ec208afc97618c2469670c5d37c645433f72761"
_FIRST: Final = "ef0cab7bd5514e97ead07b0d036e9c3cee324d0df8b0da8c61f97c173a7885d0"

_NODE: Final = {
    "identifier": "59bfbc0204504659a38b182cc42db6d0",
    "dialect": "seed",
    "difficulty": 4,
}
_BLOCK: Final = {
    "index": 2,
    "hash": _HASH,
    "previous_hash": _FIRST,
    "timestamp": 1795877858.3344722,
    "proof": "35293",
    "transactions": 2,
    "size": 295,
    "origin": "mined",
    "source": "",
}
_PEERS_BLOCK: Final = {**_BLOCK, "hash": _OTHER, "origin": "peer", "source": "192.168.0.5:5000"}
_TRANSACTION: Final = {
    "id": _ID,
    "sender": "alice",
    "recipient": "bob",
    "amount": "5",
    "state": "pending",
}
_CONFIRMED: Final = {**_TRANSACTION, "state": "confirmed", "block": 2}
_COUNTS: Final = {
    "height": 2,
    "pool": {"count": 0, "size": 0},
    "peers": 1,
    "puzzle": {"before": "35293", "after": ""},
}
_MINING: Final = {
    "searching": 3,
    "tries": 120000,
    "elapsed": 0.1,
    "rate": 1200000.0,
    "odds": 65536,
    "waiting": 0,
}
_NETWORK: Final = {
    "catching_up": [
        {"address": "192.168.0.5:5000", "received": 1200, "expected": 5000, "rate": 4000}
    ],
    "peers": {**dict.fromkeys(RELATIONS, 0), "ahead": 1},
    "revision": 7,
}
_BOB: Final = {"name": "bob", "balance": "5", "received": "5", "sent": "0", "entries": 1}


def _event(kind: str, seq: int, **data: Any) -> dict[str, Any]:
    return {"kind": kind, "seq": seq, "at": _AT, "data": data}


SAMPLES: Final[dict[str, dict[str, Any]]] = {
    "snapshot": {
        "kind": "snapshot",
        "seq": 43,
        "data": {
            "at": _AT,
            "node": _NODE,
            **_COUNTS,
            "tip": _BLOCK,
            "blocks": [_BLOCK],
            "transactions": [_CONFIRMED],
            "news": [_event("block", 42, **_BLOCK, confirmed=[_ID])],
            "mining": _MINING,
            "network": _NETWORK,
        },
    },
    "resumed": {"kind": "resumed", "seq": 41},
    "block": _event("block", 42, **_BLOCK, confirmed=[_ID]),
    "chain-extended": _event(
        "chain-extended",
        43,
        connected=12,
        blocks=[_PEERS_BLOCK],
        confirmed=[],
        source="10.0.0.5:80",
    ),
    "reorganisation": _event(
        "reorganisation",
        44,
        id=1,
        fork_index=1,
        disconnected=1,
        connected=2,
        old_tip=_BLOCK,
        blocks=[_PEERS_BLOCK],
        returned=[_ID],
        returned_count=1,
        released=[],
        confirmed=[],
        source="192.168.0.5:5000",
    ),
    "transaction": _event("transaction", 41, **_TRANSACTION),
    "peer": _event("peer", 45, address="192.168.0.5:5000", source="registered"),
    "refusal": _event("refusal", 46, peer="192.168.0.5:5000", reason="it did not answer in 5 s"),
    "node": _event("node", 1, identifier=_NODE["identifier"]),
    "operator": _event(
        "operator", 47, act="drop-transaction", subject=_ID, index=0, reason="a mistake"
    ),
    "now": {
        "kind": "now",
        "data": {**_COUNTS, "states": {_ID: {"state": "confirmed", "block": 2}}},
    },
    "mining": {"kind": "mining", "data": _MINING},
    "network": {"kind": "network", "data": _NETWORK},
    "beat": {"kind": "beat", "seq": 47},
    "subscribed": {
        "kind": "subscribed",
        "seq": 41,
        "node": _NODE,
        "states": {
            "address:bob": {**_BOB, "pending": []},
            f"transaction:{_ID}": {**_CONFIRMED, "confirmations": 1, "reason": ""},
        },
    },
    "unsubscribed": {"kind": "unsubscribed", "topics": ["address:bob"]},
    "state": {"kind": "state", "seq": 42, "topic": "address:bob", "data": _BOB},
    "upto": {"kind": "upto", "seq": 42},
    "error": {
        "kind": "error",
        "code": "no-such-topic",
        "reason": "'transaction:7': a transaction is named by its id, a UUID",
        "topic": "transaction:7",
    },
}
"""By kind."""

SAYINGS: Final = (
    {"subscribe": ["blocks", "address:alice"]},
    {"unsubscribe": ["blocks"], "subscribe": [f"transaction:{_ID}"]},
)
"""What a client may say."""
