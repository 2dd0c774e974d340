"""Who comes in, and whose turn it is: counts of what is open, without any network code."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final

from ledger.access.policy import counted_as, parse

from .limits import Limit, refusals

WAITING: Final = 16
"""Clients that may wait for a turn; each holds a first piece of its answer in memory."""
PATIENCE: Final = 10.0
"""Seconds they wait."""
TURN: Final = 60.0
"""Seconds a turn lasts at most while others wait."""


def client_group(host: str) -> Hashable:
    """What is counted as one client: an IPv4 address, or an IPv6 network of 64 bits.

    None for this machine, which is no stranger: proxies, nodes and tools share its address.
    """
    address = parse(host)
    return None if address is None or address.is_loopback else counted_as(host)


class Connections:
    """How many are open, in all and by client. WebSockets are connections like others."""

    def __init__(self, total: int, per_address: int) -> None:
        self.open = 0
        self._total = total
        self._per_address = per_address
        self._of: Counter[Hashable] = Counter()

    def admit(self, group: Hashable) -> bool:
        """Count one more, or note that it is refused."""
        if self.open >= self._total:
            refusals.note(Limit.CONNECTIONS)
            return False
        if group is not None:
            if 0 < self._per_address <= self._of[group]:
                refusals.note(Limit.CONNECTIONS_PER_ADDRESS)
                return False
            self._of[group] += 1
        self.open += 1
        return True

    def leave(self, group: Hashable) -> None:
        """Count one less of those admitted."""
        self.open -= 1
        if group is not None:
            self._of[group] -= 1
            if not self._of[group]:
                del self._of[group]


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """The right to send a large answer."""

    group: Hashable
    begun: float

    @property
    def is_long(self) -> bool:
        return time.monotonic() - self.begun > TURN


class Turns:
    """A few clients at a time are sent large answers; one stranger has at most half the turns.

    Who came last goes first: those who have waited long are the likeliest to have given up, and a
    crowd that never reads cannot put a queue before one that does.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._per_group = max(1, total // 2)
        self._held: set[Turn] = set()
        self._waiting: list[tuple[Hashable, asyncio.Future[Turn | None]]] = []

    def is_wanted(self, turn: Turn) -> bool:
        """Whether somebody waits who could go if it were given back."""
        full = len(self._held) >= self._total
        return any(
            group == turn.group or (full and self._has_room(group)) for group, _ in self._waiting
        )

    async def take(self, group: Hashable) -> Turn | None:
        """A turn, at once or soon; None if there is none. `give_back` it."""
        if self._is_free(group):
            return self._begin(group)
        turn: asyncio.Future[Turn | None] = asyncio.get_running_loop().create_future()
        entry = (group, turn)
        self._waiting.append(entry)
        if len(self._waiting) > WAITING:
            self._waiting.pop(0)[1].set_result(None)
        timer = turn.get_loop().call_later(PATIENCE, self._lose_patience, entry)
        try:
            return await asyncio.shield(turn)
        except asyncio.CancelledError:
            if turn.done() and (given := turn.result()) is not None:
                self.give_back(given)
            raise
        finally:
            timer.cancel()
            if entry in self._waiting:
                self._waiting.remove(entry)

    def give_back(self, turn: Turn) -> None:
        """Idempotent."""
        self._held.discard(turn)
        for entry in reversed(self._waiting):
            group, waiting = entry
            if self._is_free(group):
                self._waiting.remove(entry)
                waiting.set_result(self._begin(group))
                return

    def _is_free(self, group: Hashable) -> bool:
        return len(self._held) < self._total and self._has_room(group)

    def _has_room(self, group: Hashable) -> bool:
        return group is None or sum(it.group == group for it in self._held) < self._per_group

    def _begin(self, group: Hashable) -> Turn:
        turn = Turn(group, time.monotonic())
        self._held.add(turn)
        return turn

    def _lose_patience(self, entry: tuple[Hashable, asyncio.Future[Turn | None]]) -> None:
        if entry in self._waiting:
            self._waiting.remove(entry)
            entry[1].set_result(None)
