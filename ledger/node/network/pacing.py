"""Many names of one place are no way to have this node call there often.

A *place* is where a connection goes: an IP address and a port. Names are free, and anyone who can
register peers can have a thousand of them lead to one place, which need not even be a node. So who
may connect is decided by place, at the moment of connecting: `client.ask` asks `admit`, and what it
says depends on the round or the visit that the thread is in. Nothing in between has to know.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from . import addresses
from .addresses import Place
from .answers import PeerFailed

BETWEEN: Final = 10.0
"""Seconds from the end of one visit to a place until the next."""


class PlaceTaken(PeerFailed):
    """Not asked, since another name of the same place is, or just was: no failure of the peer's.
    `retry_after` is in how many seconds it may be."""

    def __init__(self, message: str, *, retry_after: float = BETWEEN) -> None:
        super().__init__(message)
        self.retry_after = retry_after


_gate: ContextVar[Callable[[Place], None] | None] = ContextVar("gate", default=None)


def admit(place: Place) -> None:
    """Let this thread connect there, or raise `PlaceTaken`. What no round and no visit asks goes
    through: somebody wants it now."""
    if gate := _gate.get():
        gate(place)


@contextmanager
def _through(gate: Callable[[Place], None]) -> Iterator[None]:
    before = _gate.set(gate)
    try:
        yield
    finally:
        _gate.reset(before)


class Round:
    """Of those peers that are at one place, only one is asked in a round.

    That is the one whose address names the place, else whoever was asked in the round `before`,
    else the first to get there: so reports stay the same from round to round.
    """

    def __init__(self, peers: Sequence[str], before: Round | None = None) -> None:
        self._lock = threading.Lock()
        self._asked: dict[Place, str] = {}
        self._holders: dict[Place, str] = {}
        if before:
            self._holders |= {p: peer for p, peer in before._asked.items() if peer in peers}
        self._holders |= {p: peer for peer in peers if (p := addresses.named_place(peer))}

    @contextmanager
    def asking(self, peer: str) -> Iterator[None]:
        """While this thread asks `peer`."""
        with _through(lambda place: self._enter(peer, place)):
            yield

    def _enter(self, peer: str, place: Place) -> None:
        with self._lock:
            holder = self._holders.setdefault(place, peer)
            if holder != peer:
                raise PlaceTaken(f"the same node as {holder}")
            self._asked[place] = peer


@dataclass(slots=True, eq=False)
class Visit:
    """One visit under way, of one or more requests to one peer. Set `went_well` once a node of our
    kind has answered as it should: it may be visited again at once."""

    peer: str
    went_well: bool = False
    places: set[Place] = field(default_factory=set)


class Pacing:
    """What this node asks by itself: one visit at a time to a place, and then none for `between`
    seconds, unless the last was to a node of our kind and went well."""

    def __init__(
        self, between: float = BETWEEN, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._between = between
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[Place, Visit] = {}
        self._resting: dict[Place, tuple[float, str]] = {}  # until when, after whose visit

    @contextmanager
    def visit(self, peer: str) -> Iterator[Visit]:
        """While this thread visits `peer`."""
        visit = Visit(peer)
        try:
            with _through(lambda place: self._enter(visit, place)):
                yield visit
        finally:
            self._leave(visit)

    def _enter(self, visit: Visit, place: Place) -> None:
        with self._lock:
            if place in visit.places:
                return
            now = self._clock()
            until, last = self._resting.get(place, (now, ""))
            if other := self._under_way.get(place):
                until, last = now + self._between, other.peer
            if until > now:
                raise PlaceTaken(f"it was just asked, as {last}", retry_after=until - now)
            self._under_way[place] = visit
            visit.places.add(place)

    def _leave(self, visit: Visit) -> None:
        with self._lock:
            now = self._clock()
            self._resting = {p: rest for p, rest in self._resting.items() if rest[0] > now}
            for place in visit.places:
                del self._under_way[place]
                if not visit.went_well:
                    self._resting[place] = (now + self._between, visit.peer)
