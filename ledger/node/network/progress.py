"""What the network does right now: who is caught up with, and that peers' rows changed.

None of it is history, so none of it is an event: it is told like the progress of mining, as it
stands, to whoever looks.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

from ledger.node.events import Listeners

_TOLD_EVERY: Final = 0.25  # seconds, at most
_WORTH_SHOWING: Final = 100  # blocks; fewer have come before anybody could read of them
_MEASURED_FROM: Final = 0.2  # seconds; before that a rate is chance


@dataclass(frozen=True, slots=True)
class CatchingUp:
    """Blocks on their way from one peer. `received` so far, of `expected` in all (0: not known);
    `rate` is in blocks a second, 0 before it can be told."""

    address: str
    received: int
    expected: int
    rate: float


@dataclass(frozen=True, slots=True)
class NetworkState:
    """`revision` counts the changes of peers' rows since this node started."""

    catching_up: tuple[CatchingUp, ...]
    revision: int


@dataclass(slots=True)
class _Way:
    expected: int
    began: float
    received: int = 0


class NetworkProgress:
    """Told by the threads that visit peers. `changed` listeners hear of it from a thread, at most
    four times a second, and always of the last change."""

    def __init__(self) -> None:
        self.changed = Listeners()
        self._under_way: dict[str, _Way] = {}
        self._revision = 0
        self._told = -_TOLD_EVERY
        self._later: threading.Timer | None = None
        self._closed = False
        self._lock = threading.Lock()

    def begin(self, address: str, expected: int) -> None:
        """Blocks are about to come from that peer: `expected` of them, 0 where that is not
        known."""
        with self._lock:
            self._under_way[address] = _Way(expected, time.monotonic())
        self._tell()

    def advance(self, address: str, received: int) -> None:
        """So many have come since it began. Nothing happens for a peer that did not begin."""
        with self._lock:
            way = self._under_way.get(address)
            if way is None:
                return
            way.received = received
        self._tell()

    def end(self, address: str) -> None:
        """No more will come, for whatever reason. Idempotent."""
        with self._lock:
            if self._under_way.pop(address, None) is None:
                return
        self._tell()

    def peers_changed(self) -> None:
        """Rows of peers were changed, and committed."""
        with self._lock:
            self._revision += 1
        self._tell()

    def state(self) -> NetworkState:
        with self._lock:
            now = time.monotonic()
            return NetworkState(
                catching_up=tuple(
                    CatchingUp(address, way.received, way.expected, _rate(way, now))
                    for address, way in self._under_way.items()
                    if max(way.expected, way.received) >= _WORTH_SHOWING
                ),
                revision=self._revision,
            )

    def close(self) -> None:
        """Tell nobody any more. Idempotent."""
        with self._lock:
            self._closed = True
            if self._later is not None:
                self._later.cancel()

    def _tell(self) -> None:
        """Now, or once it is time again."""
        with self._lock:
            if self._closed or self._later is not None:
                return
            wait = self._told + _TOLD_EVERY - time.monotonic()
            if wait > 0:
                self._later = threading.Timer(wait, self._tell_late)
                self._later.daemon = True
                self._later.start()
                return
            self._told = time.monotonic()
        self.changed.announce()

    def _tell_late(self) -> None:
        with self._lock:
            self._later = None
            if self._closed:
                return
            self._told = time.monotonic()
        self.changed.announce()


def _rate(way: _Way, now: float) -> float:
    elapsed = now - way.began
    return way.received / elapsed if elapsed >= _MEASURED_FROM else 0.0
