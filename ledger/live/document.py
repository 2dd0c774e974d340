"""The WebSocket in AsyncAPI 3: what `/api/v1/asyncapi.json` serves, and what its page shows.

Put together from what the code itself goes by: its topics, kinds, limits and close codes. What is
said of them here is also in the Korean catalogue.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_noop as _

from ledger.node import events

from . import consumers, hub, looking, messages, schemas, topics
from .outbox import Outbox
from .samples import SAMPLES, SAYINGS

_ABOUT: Final = (
    _("Everything that happens on this node, as JSON frames over one WebSocket at `/ws/`."),
    _(
        "A client that names topics is told of those alone; without topics it is told everything."
        " Each event has a number, `seq`, and comes once and in order."
    ),
    _(
        "Whoever comes back says the last number it was told all up to, and gets what it missed."
        " Programs send no `Origin`; pages may connect to their own node only."
    ),
)

TOPICS: Final = {
    topics.BLOCKS: _("The chain: new blocks, and whatever changes which ones are active."),
    topics.TRANSACTIONS: _("Transactions as they are accepted into the pool or dropped from it."),
    topics.MINING: _("The search for a proof, several times a second while it lasts."),
    topics.PEERS: _(
        "Peers that came, were refused or changed, and whom this node catches up with."
    ),
    topics.REORGANISATIONS: _("Only when the chain leaves one branch for another."),
    f"{topics.ADDRESS}NAME": _(
        "Transactions, blocks and reorganisations that touch an address, and its balance."
    ),
    f"{topics.TRANSACTION}ID": _(
        "The life of a transaction this node knows: its block, its confirmations, its return."
    ),
}

KINDS: Final = {
    "snapshot": _("Where everything stands. The first frame of a client without topics."),
    "resumed": _("What came after this number follows; nothing was missed."),
    events.BLOCK: _("A block was added to the tip; `confirmed` names our transactions in it."),
    events.CHAIN_EXTENDED: _("Many blocks were added at once; the newest are described."),
    events.REORGANISED: _("The chain left one branch for another."),
    events.TRANSACTION: _("A transaction was accepted into the pool."),
    events.PEER: _("A peer was registered."),
    events.REFUSAL: _("A peer's chain was refused, or the peer could not be asked."),
    events.NODE: _("This node started. In no topic."),
    events.OPERATOR: _("The operator did something; who it was is not told."),
    "now": _("Counts and states as they stand, after the events so far."),
    "mining": _("The search under way. Only the newest of those not sent yet is sent."),
    "network": _("Whom this node catches up with, and how its peers stand to it."),
    "beat": _("Nothing is new; the connection lives."),
    "subscribed": _("Where the new topics stand. Events after this number follow."),
    "unsubscribed": _("What is followed still. Frames under way may yet arrive."),
    "state": _("What became of a followed address or transaction."),
    "upto": _("All events of the followed topics up to this number have been told."),
    "error": _("Something was not understood or not done, and why. The connection stays."),
}

ERRORS: Final = {
    "not-text": _("The message came as bytes."),
    "too-long": _("The message is too long."),
    "not-json": _("The message is not JSON."),
    "not-a-request": _("The message is JSON, and not one of the requests."),
    "no-such-topic": _("There is no topic of that name; the others of the message are followed."),
    "too-many-topics": _("The socket follows as many as it may; some were left out."),
    "too-many-messages": _("Messages came too fast. The connection closes."),
}

CLOSE_CODES: Final = {
    1008: _("Too many frames came too fast, pings and fragments included. Wait before you return."),
    1009: _("A message was larger than the server takes."),
    consumers.UNEXPECTED: _("Message after message was not understood."),
    consumers.TOO_SLOW: _("You do not read as fast as events come. Return with your last number."),
    consumers.FAILED: _("This node failed to tell you. Return later with your last number."),
    consumers.TOO_MANY: _("You said too much too fast. Wait before you return."),
}

LIMITS: Final = {
    "topics": (topics.MOST, _("topics a socket may follow")),
    "message_bytes": (messages.CHARACTERS, _("bytes of a message")),
    "messages_at_once": (messages.MESSAGES, _("messages in one go")),
    "messages_per_second": (messages.MESSAGES_PER_SECOND, _("messages a second after that")),
    "frames_at_once": (60, _("frames in one go, pings and fragments included")),
    "frames_per_second": (2, _("frames a second after that")),
    "faults": (messages.FAULTS, _("messages not understood, before the connection closes")),
    "replayed_events": (looking.REPLAY, _("events a client may have missed to resume")),
    "waiting_frames": (Outbox.FRAMES, _("frames that wait for a client who does not read")),
    "upto_seconds": (hub.UPTO_EVERY, _("seconds until a quiet topic says how far all was told")),
    "beat_seconds": (hub.BEAT_EVERY, _("seconds of quiet before a beat")),
}


def document(host: str) -> dict[str, Any]:
    """The whole of it. `host` is where this node is reached: a name and, if need be, a port."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "chainsite, live",
            "version": "1",
            "description": "\n\n".join(_ABOUT),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "node": {"host": host, "protocol": "ws", "description": "wss behind an HTTPS proxy"}
        },
        "channels": {"live": _channel()},
        "operations": {
            "tell": {
                "action": "send",
                "channel": _ref("channels", "live"),
                "summary": "Frames to the client",
                "messages": [_told(kind) for kind in KINDS],
            },
            "hear": {
                "action": "receive",
                "channel": _ref("channels", "live"),
                "summary": "What a client may say",
                "messages": [_told("request")],
            },
        },
        "components": {
            "messages": {kind: _message(kind) for kind in KINDS} | {"request": _request()},
            "schemas": {**schemas.SHARED, "topic": schemas.TOPIC},
        },
        "x-topics": TOPICS,
        "x-errors": ERRORS,
        "x-close-codes": {str(code): meaning for code, meaning in CLOSE_CODES.items()},
        "x-limits": {
            name: {"value": value, "description": meaning}
            for name, (value, meaning) in LIMITS.items()
        },
    }


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": "#/" + "/".join(path)}


def _told(kind: str) -> dict[str, str]:
    return _ref("channels", "live", "messages", kind)


def _channel() -> dict[str, Any]:
    return {
        "address": "/ws/",
        "description": "Everything without `topics`, else what they name.",
        "messages": {kind: _ref("components", "messages", kind) for kind in [*KINDS, "request"]},
        "bindings": {"ws": {"method": "GET", "query": _query(), "bindingVersion": "0.1.0"}},
    }


def _query() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "topics": {
                "type": "string",
                "description": "topics with commas between; none yet if empty. A name with a comma"
                " is subscribed to by a message",
            },
            "after": {
                "type": "integer",
                "minimum": 0,
                "description": "the number of the last event that the client was told all up to",
            },
            "node": {
                "type": "string",
                "description": "the identifier of the node that number is of: another node's"
                " history is not resumed",
            },
        },
    }


def _message(kind: str) -> dict[str, Any]:
    return {
        "name": kind,
        "summary": KINDS[kind],
        "payload": schemas.FRAMES[kind],
        "examples": [{"payload": SAMPLES[kind]}],
        "x-topics": _topics_of(kind),
    }


def _topics_of(kind: str) -> list[str]:
    """Who chose one of these topics is sent frames of that kind."""
    return list(_TOPICS_OF.get(kind, ()))


_NARROW: Final = (f"{topics.ADDRESS}NAME", f"{topics.TRANSACTION}ID")
_TOPICS_OF: Final = {
    events.BLOCK: (topics.BLOCKS, *_NARROW),
    events.CHAIN_EXTENDED: (topics.BLOCKS, *_NARROW),
    events.REORGANISED: (topics.BLOCKS, topics.REORGANISATIONS, *_NARROW),
    events.TRANSACTION: (topics.TRANSACTIONS, *_NARROW),
    events.PEER: (topics.PEERS,),
    events.REFUSAL: (topics.PEERS,),
    events.OPERATOR: (*topics.WIDE[:-1], *_NARROW),
    "now": (topics.BLOCKS, topics.TRANSACTIONS),
    "mining": (topics.MINING,),
    "network": (topics.PEERS,),
    "state": _NARROW,
}


def _request() -> dict[str, Any]:
    return {
        "name": "request",
        "summary": "Topics to follow, and topics to follow no more",
        "payload": schemas.REQUEST,
        "examples": [{"payload": saying} for saying in SAYINGS],
    }
