"""What a client may choose to be told of, by name.

Five topics are one for all; `address:NAME` and `transaction:ID` are of one address and of one
transaction this node knows by that id. Which events belong to the first five is here; which touch
an address or a transaction is found out by `touching`.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from ledger.node import events

BLOCKS: Final = "blocks"
TRANSACTIONS: Final = "transactions"
MINING: Final = "mining"
PEERS: Final = "peers"
REORGANISATIONS: Final = "reorganisations"
ADDRESS: Final = "address:"
TRANSACTION: Final = "transaction:"

WIDE: Final = (BLOCKS, TRANSACTIONS, MINING, PEERS, REORGANISATIONS)
NARROW: Final = (ADDRESS, TRANSACTION)

MOST: Final = 64
"""Topics of one socket."""
_NAME: Final = 256  # characters of an address

_OF_KIND: Final[Mapping[str, tuple[str, ...]]] = {
    events.BLOCK: (BLOCKS,),
    events.CHAIN_EXTENDED: (BLOCKS,),
    events.REORGANISED: (BLOCKS, REORGANISATIONS),
    events.TRANSACTION: (TRANSACTIONS,),
    events.PEER: (PEERS,),
    events.REFUSAL: (PEERS,),
    events.NODE: (),  # that it started: a client notices by its connection
}
_OF_ACT: Final[Mapping[str, str]] = {
    "invalidate-block": BLOCKS,
    "reconsider-block": BLOCKS,
    "prefer-block": BLOCKS,
    "drop-transaction": TRANSACTIONS,
    "cancel-mining": MINING,
}


class BadTopic(ValueError):
    """There is no such topic. Its text says why, for whoever asked."""


def parsed(text: Any) -> str:
    """The topic as it is kept: the same for all ways to write it. Raises `BadTopic`."""
    if not isinstance(text, str):
        raise BadTopic("a topic is a text")
    if text in WIDE:
        return text
    if text.startswith(ADDRESS):
        if not 1 <= len(text) - len(ADDRESS) <= _NAME:
            raise BadTopic(f"an address has 1 to {_NAME} characters")
        if any(0xD800 <= ord(one) < 0xE000 or one == "\0" for one in text):
            raise BadTopic("that cannot be the name of an address")
        return text
    if text.startswith(TRANSACTION):
        try:
            return TRANSACTION + str(uuid.UUID(text.removeprefix(TRANSACTION)))
        except ValueError:
            raise BadTopic("a transaction is named by its id, a UUID") from None
    known = ", ".join([*WIDE, f"{ADDRESS}NAME", f"{TRANSACTION}ID"])
    raise BadTopic(f"there is no such topic; there are {known}")


def parsed_all(texts: Iterable[Any]) -> tuple[list[str], list[tuple[str, str]]]:
    """Topics, each once, and those that are none with the reason."""
    good: dict[str, None] = {}
    bad = []
    for text in texts:
        try:
            good[parsed(text)] = None
        except BadTopic as error:
            bad.append((text if isinstance(text, str) else "", str(error)))
    return list(good), bad


def names(topics: Iterable[str], of: str) -> set[str]:
    """What stands behind the colon of the topics that begin with `of`."""
    return {topic.removeprefix(of) for topic in topics if topic.startswith(of)}


def of_event(kind: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of the five that an event belongs to."""
    if kind == events.OPERATOR:
        return (_OF_ACT.get(str(data["act"]), PEERS),)
    return _OF_KIND[kind]
