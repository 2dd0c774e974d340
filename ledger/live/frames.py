"""What is sent over the socket.

Every message is one frame, a JSON object with a `kind`. Events carry `seq`, the number a client
counts by; the last number it saw is all it needs to come back (`/ws/?after=41`):

    {"kind": "snapshot", "seq": 41, "data": {…}}       where things stand; replaces what was known
    {"kind": "resumed", "seq": 41}                     events after 41 follow; nothing was missed
    {"kind": "block", "seq": 42, "at": …, "data": {…}} an event (see `ledger.node.events`)
    {"kind": "now", "data": {…}}                       counts and states, after the events so far
    {"kind": "mining", "data": {…}}                    the search under way
    {"kind": "network", "data": {…}}                   catching up, and how the peers stand to us
    {"kind": "beat", "seq": 42}                        nothing is new; the connection lives

A socket that chose topics is told events of those alone, each as above, and besides:

    {"kind": "subscribed", "seq": 41, "node": {…}, "states": {…}}   where its new topics stand
    {"kind": "unsubscribed", "topics": […]}                         what it follows still
    {"kind": "state", "seq": 42, "topic": …, "data": {…}}           an address, a transaction now
    {"kind": "upto", "seq": 42}                                     all up to here has been told
    {"kind": "error", "code": …, "reason": …}                       what it said was not understood

Its number to come back with is that of the last `upto`, `subscribed` or `beat`: events of other
topics have numbers, too. `/api/v1/asyncapi.json` is all of this for programs.

`snapshot`, `now`, `mining` and `network` are described in `ledger.node.overview`. The last three
are not events: of several that were not sent yet, only the newest is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from ledger.models import Event
from ledger.node import overview

_PAGE: Final = 500  # events
_PAGE_CHARACTERS: Final = 128 * 1024


def event(row: Event) -> str:
    """An event's frame. The payload is JSON text already."""
    at = json.dumps(row.at.isoformat())
    return f'{{"kind":"{row.kind}","seq":{row.pk},"at":{at},"data":{row.payload}}}'


def control(kind: str, seq: int | None = None, data: Any = None) -> str:
    """A frame that is no event."""
    frame: dict[str, Any] = {"kind": kind}
    if seq is not None:
        frame["seq"] = seq
    if data is not None:
        frame["data"] = data
    return _text(frame)


def _text(frame: dict[str, Any]) -> str:
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def snapshot() -> tuple[int, str]:
    """The number of the newest event, and the frame that says where things stand after it."""
    state = overview.overview()
    seq = state.pop("seq")
    return seq, control("snapshot", seq, state)


def subscribed(seq: int, node: dict[str, Any], states: dict[str, Any]) -> str:
    """Where topics stand after event `seq`."""
    return _text({"kind": "subscribed", "seq": seq, "node": node, "states": states})


def unsubscribed(topics: list[str]) -> str:
    return _text({"kind": "unsubscribed", "topics": topics})


def state(topic: str, seq: int, data: Any) -> str:
    """What became of an address or a transaction."""
    return _text({"kind": "state", "seq": seq, "topic": topic, "data": data})


def upto(seq: int) -> str:
    """Whoever chose topics has been told all of them up to event `seq`."""
    return control("upto", seq)


def error(code: str, reason: str, topic: str = "") -> str:
    """What a client said was not done. `topic` is the one that there is not."""
    frame = {"kind": "error", "code": code, "reason": reason}
    return _text(frame | ({"topic": topic} if topic else {}))


def now() -> str:
    return control("now", data=overview.now())


def mining() -> str:
    return control("mining", data=overview.mining())


def network() -> str:
    return control("network", data=overview.network(overview.tip_index()))


class News(NamedTuple):
    """Events by number, in order, and what they came to. `is_all` is false if more follow. `rows`
    are the events as they are stored."""

    events: list[tuple[int, str]]
    now: str
    is_all: bool
    rows: Sequence[Event] = ()


def news_after(seq: int) -> News:
    """What came after event `seq`, up to a page of it."""
    rows, is_all = _page_after(seq)
    return News([(row.pk, event(row)) for row in rows], now(), is_all, rows)


def news_if_any(seq: int) -> News | None:
    """The same, or None if there is none: this is asked several times a second."""
    rows, is_all = _page_after(seq)
    return News([(row.pk, event(row)) for row in rows], now(), is_all, rows) if rows else None


def _page_after(seq: int) -> tuple[list[Event], bool]:
    """Events, as many as an outbox can take in one go, and whether those are all."""
    page: list[Event] = []
    characters = 0
    for row in Event.objects.filter(pk__gt=seq).order_by("pk")[: _PAGE + 1].iterator():
        if len(page) == _PAGE or characters > _PAGE_CHARACTERS:
            return page, False
        page.append(row)
        characters += len(row.payload)
    return page, True
