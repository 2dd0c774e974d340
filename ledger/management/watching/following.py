"""A node followed: by its long poll, in a thread, and again when it comes back."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from ledger.client import Client, Problem
from ledger.hidden import visible

from . import reading
from .reading import Line, Node, Peers, Search, Tip

_FEED: Final = 100  # events kept
_PATIENCE: Final = 2.0  # seconds of a long poll: when a search begins, no event tells
_WHILE_SEARCHING: Final = 1.0  # seconds, for its tries are counted
_LOOK_EVERY: Final = 10.0  # seconds; how peers stand changes without an event
_REST: Final = 1.0  # seconds between looks, however much happens: others have limits
_LONGEST_WAIT: Final = 10.0  # seconds before a node that is away is asked again


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a node. `again_at` is when it is asked again (`time.monotonic`), while it is
    away; `fault` says why it is."""

    url: str
    node: Node | None = None
    tip: Tip | None = None
    pool: int = 0
    search: Search | None = None
    peers: Peers | None = None
    feed: tuple[Line, ...] = ()  # the newest first
    fault: str = ""
    again_at: float = 0.0


class Follower:
    """Keeps `state` as the node has it."""

    def __init__(self, client: Client, url: str) -> None:
        self.state = State(url)
        self._client = client
        self._lines: deque[Line] = deque(maxlen=_FEED)
        self._after: int | None = None
        self._all_due = 0.0  # time.monotonic
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        """Follow until `stop`."""
        failures, wait = 0, 0.0
        while not self._stopped.is_set():
            try:
                happened = self.look(wait)
            except Problem as problem:
                pause = problem.retry_after or min(_LONGEST_WAIT, 2.0**failures)
                failures, wait = min(failures + 1, 10), 0.0
                fault = str(problem)[:300]
                self.state = replace(
                    self.state, fault=visible(fault), again_at=time.monotonic() + pause
                )
                self._all_due = 0.0
            else:
                failures, pause = 0, _REST if happened else 0.0
                searching = self.state.search and self.state.search.index is not None
                wait = _WHILE_SEARCHING if searching else _PATIENCE
            self._stopped.wait(pause)

    def look(self, wait: float = 0.0) -> bool:
        """See what is new, waiting for it so many seconds; whether anything happened.

        Raises `Problem`.
        """
        try:
            happened = self._news(wait)
            seen: dict[str, Any] = {"search": reading.search(self._client.mining())}
            if happened or time.monotonic() >= self._all_due:
                seen |= self._all()
                self._all_due = time.monotonic() + _LOOK_EVERY
        except reading.STRANGE as error:
            raise Problem("What answers there is no node of this kind") from error
        feed = tuple(islice(reversed(self._lines), _FEED))
        self.state = replace(self.state, **seen, feed=feed, fault="")
        return happened

    def _news(self, wait: float = 0.0) -> bool:
        if self._after is None:
            self._after, wait = max(0, self._client.news()["newest"] - _FEED), 0.0
        found = self._client.news(self._after, wait=wait)
        if found["newest"] < self._after:  # it was restored from a backup
            return self._begin_anew()
        self._lines.extend(map(reading.line, found["events"]))
        self._after = max(found["after"], found["newest"] - _FEED)  # no more are shown
        return bool(found["events"])

    def _begin_anew(self) -> bool:
        self._lines.clear()
        self._after = None
        return self._news()

    def _all(self) -> dict[str, Any]:
        node = reading.node(self._client.node())
        if self.state.node and node.identifier != self.state.node.identifier:
            self._begin_anew()
        return {
            "node": node,
            "tip": reading.tip(self._client.block("tip")),
            "pool": int(self._client.pool(1)["count"]),
            "peers": reading.peers(self._client.peers()),
        }
