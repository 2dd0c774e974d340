"""Which topics an event touches, among those that somebody follows.

An event names transactions, not addresses: whose entries a block holds is looked up, once for all
who follow any. Where that would be long (a far stretch of the chain, a list that was cut), every
one is taken to be touched: told too often is no harm, not told is.

Reads only, in a reading thread.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ledger.models import Block, Event, Inclusion, Transaction
from ledger.node import events

from . import topics

STRETCH: Final = 50  # blocks whose entries are looked through for one event
NAMED: Final = 500  # transactions named in one event: beyond, there may be some that are not

_OF_THE_CHAIN: Final = (events.BLOCK, events.CHAIN_EXTENDED, events.REORGANISED)


class Wanted:
    """The topics that somebody follows, sorted once for many events."""

    __slots__ = ("addresses", "topics", "transactions")

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self.topics = frozenset(wanted)
        self.addresses = topics.names(self.topics, topics.ADDRESS)
        self.transactions = topics.names(self.topics, topics.TRANSACTION)


Touched = dict[str, list[int]]
"""Numbers of events, in order, by the topic they touch."""


def touched(rows: Sequence[Event], wanted: Wanted) -> Touched:
    """What these events touch of the topics that are wanted."""
    found: Touched = {}
    for row in rows:
        data = json.loads(row.payload)
        its = set(wanted.topics.intersection(topics.of_event(row.kind, data)))
        if wanted.transactions:
            named = _transactions(row.kind, data, wanted.transactions)
            its |= _prefixed(topics.TRANSACTION, named)
        if wanted.addresses:
            its |= _prefixed(topics.ADDRESS, _addresses(row.kind, data, wanted.addresses))
        for topic in its:
            found.setdefault(topic, []).append(row.pk)
    return found


def moved(rows: Iterable[Event], its_touched: Touched) -> set[str]:
    """The narrow topics whose state may be another now. `rows` are those of `touched`."""
    chain = {row.pk for row in rows if row.kind in _OF_THE_CHAIN}
    acts = {row.pk for row in rows if row.kind == events.OPERATOR}
    return {
        topic
        for topic, numbers in its_touched.items()
        if (topic.startswith(topics.TRANSACTION) and not (chain | acts).isdisjoint(numbers))
        or (topic.startswith(topics.ADDRESS) and not chain.isdisjoint(numbers))
    }


def is_of_the_chain(rows: Iterable[Event]) -> bool:
    """Whether confirmations are others now."""
    return any(row.kind in _OF_THE_CHAIN for row in rows)


def _prefixed(prefix: str, names: Iterable[str]) -> set[str]:
    return {prefix + name for name in names}


def _transactions(kind: str, data: Mapping[str, Any], wanted: set[str]) -> set[str]:
    if kind == events.TRANSACTION:
        return wanted & {str(data["id"])}
    if kind == events.OPERATOR:
        return wanted & {str(data["subject"])}
    lists = [data.get(effect, []) for effect in ("confirmed", "returned", "released")]
    if any(len(ids) >= NAMED for ids in lists):
        return wanted
    return wanted & {uid for ids in lists for uid in ids}


def _addresses(kind: str, data: Mapping[str, Any], wanted: set[str]) -> set[str]:
    if kind == events.TRANSACTION:
        return wanted & {data["sender"], data["recipient"]}
    if kind == events.OPERATOR and data["act"] == "drop-transaction":
        dropped = Transaction.objects.get(uid=data["subject"])
        return wanted & {dropped.sender, dropped.recipient}
    if kind not in _OF_THE_CHAIN:
        return set()
    hashes = _blocks(kind, data)
    return wanted if hashes is None else wanted & _names_in(hashes)


def _blocks(kind: str, data: Mapping[str, Any]) -> list[str] | None:
    """The blocks that came or went, by their hashes; None if they are too many to look through."""
    if kind == events.BLOCK:
        return [data["hash"]]
    connected, disconnected = data["connected"], data.get("disconnected", 0)
    if connected + disconnected > STRETCH:
        return None
    came = _back_from(data["blocks"][-1]["hash"], connected)
    return came + (_back_from(data["old_tip"]["hash"], disconnected) if disconnected else [])


def _back_from(digest: str, count: int) -> list[str]:
    found: list[str] = []
    at: str | None = digest
    while at and len(found) < count:
        found.append(at)
        at = Block.objects.values_list("parent_id", flat=True).get(hash=at)
    return found


def _names_in(hashes: Sequence[str]) -> set[str]:
    rows = Inclusion.objects.filter(block__hash__in=hashes)
    pairs = rows.values_list("sender__name", "recipient__name").iterator()
    return {name for pair in pairs for name in pair}  # None, too, which nobody wants
