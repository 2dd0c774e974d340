"""How often: token buckets in memory, for a microsecond a request.

A bucket holds a quarter of a minute's tokens and fills evenly; each request takes one. Buckets are
kept for a bounded number of clients: the one unused for longest goes first, and has filled up again
meanwhile unless so many come at once that this process has other worries.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, NamedTuple

CLIENTS: Final = 10_000


class Allowance(NamedTuple):
    """`most` tokens fit, `left` are left, and after `seconds` it is full again; an empty one takes
    `window` seconds."""

    most: int
    left: int
    seconds: float
    window: float


class Limiter:
    """Buckets for one kind of request. `rate` is in requests a minute; 0 is no limit."""

    def __init__(
        self, rate: int, *, clients: int = CLIENTS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each = rate / 60  # tokens a second
        self._most = max(1.0, rate / 4)
        self._clients = clients
        self._clock = clock
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, client: Hashable) -> float:
        """Take a token: 0, or the seconds until there is one."""
        if not self._each:
            return 0.0
        now = self._clock()
        left, since = self._buckets.get(client, (self._most, now))
        left = min(self._most, left + (now - since) * self._each)
        wait = 0.0 if left >= 1 else (1 - left) / self._each
        self._buckets[client] = (left if wait else left - 1, now)
        self._buckets.move_to_end(client)
        if len(self._buckets) > self._clients:
            self._buckets.popitem(last=False)
        return wait

    def left(self, client: Hashable) -> Allowance | None:
        """What a client that has just taken a token may take still; None if there is no limit."""
        if not self._each:
            return None
        left, _since = self._buckets.get(client, (self._most, 0.0))
        wanting = (self._most - left) / self._each
        return Allowance(int(self._most), int(left), wanting, self._most / self._each)
