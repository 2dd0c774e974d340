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

`snapshot`, `now`, `mining` and `network` are described in `ledger.node.overview`. The last three
are not events: of several that were not sent yet, only the newest is.
"""

from __future__ import annotations

import json
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
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def snapshot() -> tuple[int, str]:
    """The number of the newest event, and the frame that says where things stand after it."""
    state = overview.overview()
    seq = state.pop("seq")
    return seq, control("snapshot", seq, state)


def now() -> str:
    return control("now", data=overview.now())


def mining() -> str:
    return control("mining", data=overview.mining())


def network() -> str:
    return control("network", data=overview.network(overview.tip_index()))


class News(NamedTuple):
    """Events by number, in order, and what they came to. `is_all` is false if more follow."""

    events: list[tuple[int, str]]
    now: str
    is_all: bool


def news_after(seq: int) -> News:
    """What came after event `seq`, up to a page of it."""
    events, is_all = _page_after(seq)
    return News(events, now(), is_all)


def news_if_any(seq: int) -> News | None:
    """The same, or None if there is none: this is asked several times a second."""
    events, is_all = _page_after(seq)
    return News(events, now(), is_all) if events else None


def _page_after(seq: int) -> tuple[list[tuple[int, str]], bool]:
    """Events, as many as an outbox can take in one go, and whether those are all."""
    page: list[tuple[int, str]] = []
    characters = 0
    for row in Event.objects.filter(pk__gt=seq).order_by("pk")[: _PAGE + 1].iterator():
        if len(page) == _PAGE or characters > _PAGE_CHARACTERS:
            return page, False
        page.append((row.pk, event(row)))
        characters += len(row.payload)
    return page, True
