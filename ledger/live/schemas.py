"""The shapes of frames and messages, as JSON Schema. For clients they are a lower bound: more keys
may come, which they pass over."""

from __future__ import annotations

from typing import Any, Final

from ledger.models import Block, Peer, Transaction
from ledger.node import events
from ledger.queries.peers import RELATIONS

from . import messages, topics

Schema = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_NUMBER: Final[Schema] = {"type": "number", "minimum": 0}
_TIME: Final[Schema] = {"type": "string", "format": "date-time"}
_UUID: Final[Schema] = {"type": "string", "format": "uuid"}
_HASH: Final[Schema] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_AMOUNT: Final[Schema] = {
    "type": "string",
    "pattern": "^-?[0-9]+$",
    "description": "digits: JavaScript's numbers are too small for it",
}
_SEQ: Final[Schema] = {**_COUNT, "description": "the number of an event"}
_TIMESTAMP: Final[Schema] = {"type": ["number", "null"], "description": "Unix time"}


def _object(optional: tuple[str, ...] = (), **properties: Any) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _list(of: Schema, most: int | None = None) -> Schema:
    return {"type": "array", "items": of} | ({"maxItems": most} if most is not None else {})


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _frame(kind: str, **properties: Any) -> Schema:
    return _object(kind={"const": kind}, **properties)


def _event(kind: str, data: Schema) -> Schema:
    return _frame(kind, seq=_SEQ, at=_TIME, data=data)


_NAMED: Final = _list(_UUID, 500)
_BLOCK: Final[Schema] = {
    "index": {"type": "integer", "minimum": 1},
    "hash": _HASH,
    "previous_hash": {**_HASH, "type": ["string", "null"]},
    "timestamp": _TIMESTAMP,
    "proof": {"type": "string", "pattern": "^[0-9]+$"},
    "transactions": _COUNT,
    "size": {**_COUNT, "description": "bytes"},
    "origin": {"enum": list(Block.Origin.values)},
    "source": {**_TEXT, "description": "the peer it came from, if it did"},
}
_TRANSACTION: Final[Schema] = {
    "id": _UUID,
    "sender": _TEXT,
    "recipient": _TEXT,
    "amount": _AMOUNT,
    "state": {"enum": list(Transaction.State.values)},
    "relayed": {"const": True, "description": "another node acknowledged it"},
}
_COUNTS: Final[Schema] = {
    "height": _COUNT,
    "pool": ref("pool"),
    "peers": _COUNT,
    "puzzle": _object(before=_TEXT, after=_TEXT),
}
_PLACE: Final[Schema] = {"type": ["integer", "null"], "description": "the active block it is in"}

SHARED: Final[dict[str, Schema]] = {
    "block": _object(**_BLOCK),
    "transaction": _object(("relayed",), **_TRANSACTION),
    "pool": _object(count=_COUNT, size={**_COUNT, "description": "bytes"}),
    "node-identity": _object(identifier=_TEXT, dialect=_TEXT, difficulty=_COUNT),
    "mining-state": _object(
        searching={"type": ["integer", "null"], "description": "the block searched for"},
        tries=_COUNT,
        elapsed={**_NUMBER, "description": "seconds"},
        rate={**_NUMBER, "description": "tries a second"},
        odds={**_COUNT, "description": "one try in so many succeeds"},
        waiting={**_COUNT, "description": "blocks asked for besides"},
    ),
    "network-state": _object(
        catching_up=_list(
            _object(address=_TEXT, received=_COUNT, expected=_COUNT, rate=_NUMBER),
        ),
        peers=_object((), **dict.fromkeys(RELATIONS, _COUNT)),
        revision={**_COUNT, "description": "moves when peers' rows changed"},
    ),
    "reorganisation-summary": _object(
        id=_COUNT,
        at=_TIME,
        fork_index={**_COUNT, "description": "the last block that stayed"},
        disconnected=_COUNT,
        connected=_COUNT,
        old_tip=ref("block"),
        new_tip=ref("block"),
        source=_TEXT,
    ),
    "blocks-state": _object(height=_COUNT, tip=ref("block"), blocks=_list(ref("block"), 10)),
    "transactions-state": _object(pool=ref("pool"), transactions=_list(ref("transaction"), 12)),
    "reorganisations-state": _object(reorganisations=_list(ref("reorganisation-summary"), 10)),
    "address-state": _object(
        ("pending",),
        name=_TEXT,
        balance=_AMOUNT,
        received=_AMOUNT,
        sent=_AMOUNT,
        entries=_COUNT,
        pending={
            **_list(ref("transaction"), 50),
            "description": "what waits in the pool, oldest first; only as the topic begins",
        },
    ),
    "transaction-state": {
        **_object(("relayed",), **_TRANSACTION, block=_PLACE, confirmations=_COUNT, reason=_TEXT),
        "type": ["object", "null"],
        "description": "null for an id that this node does not know",
    },
}

_STATES: Final[Schema] = {
    "type": "object",
    "properties": {
        topics.BLOCKS: ref("blocks-state"),
        topics.TRANSACTIONS: ref("transactions-state"),
        topics.MINING: ref("mining-state"),
        topics.PEERS: ref("network-state"),
        topics.REORGANISATIONS: ref("reorganisations-state"),
    },
    "patternProperties": {
        f"^{topics.ADDRESS}": ref("address-state"),
        f"^{topics.TRANSACTION}": ref("transaction-state"),
    },
    "additionalProperties": False,
}
_EVENT_DATA: Final[dict[str, Schema]] = {
    events.BLOCK: _object(**_BLOCK, confirmed=_NAMED),
    events.CHAIN_EXTENDED: _object(
        connected=_COUNT, blocks=_list(ref("block"), 10), confirmed=_NAMED, source=_TEXT
    ),
    events.REORGANISED: _object(
        id=_COUNT,
        fork_index={**_COUNT, "description": "the last block that stayed"},
        disconnected=_COUNT,
        connected=_COUNT,
        old_tip=ref("block"),
        blocks={**_list(ref("block"), 10), "description": "the newest of the new ones"},
        returned=_NAMED,
        returned_count=_COUNT,
        released=_NAMED,
        confirmed=_NAMED,
        source=_TEXT,
    ),
    events.TRANSACTION: ref("transaction"),
    events.PEER: _object(address=_TEXT, source={"enum": list(Peer.Source.values)}),
    events.REFUSAL: _object(peer=_TEXT, reason=_TEXT),
    events.NODE: _object(identifier=_TEXT),
    events.OPERATOR: _object(act=_TEXT, subject=_TEXT, index=_COUNT, reason=_TEXT),
}
_PAST: Final = _object(
    seq=_SEQ, kind={"enum": list(events.KINDS)}, at=_TIME, data={"type": "object"}
)
_SHOWN: Final[Schema] = _object(("relayed",), **_TRANSACTION, block=_PLACE)

FRAMES: Final[dict[str, Schema]] = {
    "snapshot": _frame(
        "snapshot",
        seq=_SEQ,
        data=_object(
            at=_TIME,
            node=ref("node-identity"),
            **_COUNTS,
            tip=ref("block"),
            blocks=_list(ref("block"), 10),
            transactions=_list(_SHOWN, 12),
            news=_list(_PAST, 20),
            mining=ref("mining-state"),
            network=ref("network-state"),
        ),
    ),
    "resumed": _frame("resumed", seq=_SEQ),
    **{kind: _event(kind, _EVENT_DATA[kind]) for kind in events.KINDS},
    "now": _frame(
        "now",
        data=_object(
            **_COUNTS,
            states={
                "type": "object",
                "additionalProperties": _object(
                    state={"enum": list(Transaction.State.values)}, block=_PLACE
                ),
            },
        ),
    ),
    "mining": _frame("mining", data=ref("mining-state")),
    "network": _frame("network", data=ref("network-state")),
    "beat": _frame("beat", seq=_SEQ),
    "subscribed": _frame("subscribed", seq=_SEQ, node=ref("node-identity"), states=_STATES),
    "unsubscribed": _frame("unsubscribed", topics=_list(_TEXT, topics.MOST)),
    "state": _frame(
        "state",
        seq=_SEQ,
        topic={"type": "string", "pattern": f"^({topics.ADDRESS}|{topics.TRANSACTION})"},
        data={"anyOf": [ref("address-state"), ref("transaction-state")]},
    ),
    "upto": _frame("upto", seq=_SEQ),
    "error": _object(
        ("topic",),
        kind={"const": "error"},
        code={"enum": list(messages.CODES)},
        reason=_TEXT,
        topic={**_TEXT, "description": "the one that there is not"},
    ),
}
"""By kind."""

REQUEST: Final[Schema] = {
    "type": "object",
    "properties": {
        "subscribe": _list(ref("topic"), topics.MOST),
        "unsubscribe": _list(ref("topic"), topics.MOST),
    },
    "additionalProperties": False,
    "minProperties": 1,
}
TOPIC: Final[Schema] = {
    "type": "string",
    "anyOf": [
        {"enum": list(topics.WIDE)},
        {"pattern": f"^{topics.ADDRESS}.{{1,256}}$"},
        {"pattern": f"^{topics.TRANSACTION}[0-9a-fA-F-]{{32,36}}$"},
    ],
}
