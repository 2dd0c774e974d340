"""What the server grants its clients, and the count of those who wanted more."""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.conf import settings

logger = logging.getLogger(__name__)

BODY_BYTES: Final = 64 * 1024
TOO_LARGE: Final = "the body is too large"
LOG_EVERY: Final = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Limits:
    """Deadlines are in seconds. `connections_per_address` 0 is no limit."""

    connections: int
    connections_per_address: int
    large_answers: int
    head_deadline: float
    body_deadline: float
    idle_deadline: float
    write_deadline: float

    @classmethod
    def from_settings(cls) -> Limits:
        return cls(
            connections=settings.NODE_CONNECTIONS,
            connections_per_address=settings.NODE_CONNECTIONS_PER_ADDRESS,
            large_answers=settings.NODE_LARGE_ANSWERS,
            head_deadline=settings.NODE_HEAD_DEADLINE,
            body_deadline=settings.NODE_BODY_DEADLINE,
            idle_deadline=settings.NODE_IDLE_DEADLINE,
            write_deadline=settings.NODE_WRITE_DEADLINE,
        )


class Limit(StrEnum):
    """A limit a client ran into."""

    CONNECTIONS = "connections"
    CONNECTIONS_PER_ADDRESS = "connections of one address"
    HEAD_DEADLINE = "time for a request's head"
    BODY_BYTES = "size of a body"
    BODY_DEADLINE = "time for a body"
    LARGE_ANSWERS = "large answers at once"
    WRITE_DEADLINE = "time to take an answer"
    FRAMES = "WebSocket frames"


class Refusals:
    """How often each limit was hit. The log hears of it at most once a minute for each limit."""

    def __init__(self) -> None:
        self.counts: Counter[Limit] = Counter()
        self._logged: dict[Limit, float] = {}

    def note(self, limit: Limit) -> None:
        self.counts[limit] += 1
        now = time.monotonic()
        if now - self._logged.get(limit, -LOG_EVERY) >= LOG_EVERY:
            self._logged[limit] = now
            logger.warning(
                "clients refused or cut off for the limit on %s: %d since the start",
                limit,
                self.counts[limit],
            )


refusals = Refusals()
"""Those of this process."""
