"""What is sent over the socket.

Every message is one frame, a JSON object with a `kind`. Events carry `seq`, the number a client
counts by; the last number it saw is all it needs to come back (`/ws/?after=41`):

    {"kind": "snapshot", "seq": 41, "data": {…}}       where things stand; replaces what was known
    {"kind": "resumed", "seq": 41}                     events after 41 follow; nothing was missed
    {"kind": "block", "seq": 42, "at": …, "data": {…}} an event (see `ledger.node.events`)
    {"kind": "now", "data": {…}}                       counts and states, after the events so far
    {"kind": "mining", "data": {…}}                    the search under way
    {"kind": "beat", "seq": 42}                        nothing is new; the connection lives

`snapshot`, `now` and `mining` are described in `ledger.node.overview`. The last two are not
events: of several that were not sent yet, only the newest is.
"""

from __future__ import annotations

import json
from typing import Any

from ledger.models import Event
from ledger.node import overview


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


def events_after(seq: int, limit: int) -> list[tuple[int, str]]:
    """Numbers and frames of the events after `seq`, in order."""
    return [(row.pk, event(row)) for row in Event.objects.filter(pk__gt=seq).order_by("pk")[:limit]]


def news_after(seq: int, limit: int) -> tuple[list[tuple[int, str]], str]:
    """The same, and what they came to."""
    return events_after(seq, limit), now()


def news_if_any(seq: int, limit: int) -> tuple[list[tuple[int, str]], str]:
    """The same, or nothing if there are none: asked several times a second."""
    news = events_after(seq, limit)
    return news, now() if news else ""
