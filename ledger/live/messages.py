"""What clients say: which topics to follow, and which no more."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from . import frames, topics

CHARACTERS: Final = 4096
"""The longest message."""
MESSAGES: Final = 30
"""Messages a client may send in one go."""
MESSAGES_PER_SECOND: Final = 1.0
"""What it may send after that."""
FAULTS: Final = 10
"""Messages that are not understood, before the socket is closed."""

CODES: Final = (
    *("not-text", "too-long", "not-json", "not-a-request"),
    *("no-such-topic", "too-many-topics", "too-many-messages"),
)
"""Of errors: clients may rely on them."""

_WORDS: Final = ("subscribe", "unsubscribe")


class NotUnderstood(Exception):
    """A message that nothing is done for; `code` is for programs, the text for people."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code

    @property
    def frame(self) -> str:
        return frames.error(self.code, str(self))


@dataclass(frozen=True, slots=True)
class Request:
    """What a client wants. `faults` are the frames that name topics that there are not."""

    subscribe: Sequence[str]
    unsubscribe: Sequence[str]
    faults: Sequence[str]


def parse(text: str | None) -> Request:
    """What a message asks for; None is a message of bytes. Raises `NotUnderstood`."""
    if text is None:
        raise NotUnderstood("not-text", "messages are JSON, sent as text")
    if len(text) > CHARACTERS:
        raise NotUnderstood("too-long", f"a message has at most {CHARACTERS} characters")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        raise NotUnderstood("not-json", "this is not JSON") from None
    if not isinstance(said, dict) or not said or not set(said) <= set(_WORDS):
        wanted = 'an object with "subscribe", "unsubscribe" or both, and nothing else'
        raise NotUnderstood("not-a-request", f"a message is {wanted}")
    subscribe, bad = _topics(said.get("subscribe", []))
    unsubscribe, worse = _topics(said.get("unsubscribe", []))
    return Request(subscribe, unsubscribe, [*bad, *worse])


def _topics(given: Any) -> tuple[list[str], list[str]]:
    if not isinstance(given, list):
        raise NotUnderstood("not-a-request", "topics come as a list of texts")
    good, bad = topics.parsed_all(given)
    return good, faults_of(bad)


def faults_of(bad: Sequence[tuple[str, str]]) -> list[str]:
    """An error's frame for each topic that there is not."""
    return [
        frames.error("no-such-topic", f"{name[:100]!a}: {reason}", name[:300])
        for name, reason in bad
    ]


class Patience:
    """How much a client may still say, and get wrong."""

    def __init__(self) -> None:
        self._left = float(MESSAGES)
        self._refilled = time.monotonic()
        self._faults = 0

    def is_over(self) -> bool:
        """Take note of a message; whether it was one too many."""
        now = time.monotonic()
        earned = (now - self._refilled) * MESSAGES_PER_SECOND
        self._left, self._refilled = min(MESSAGES, self._left + earned) - 1, now
        return self._left < 0

    def is_over_for_faults(self) -> bool:
        """Take note of one that was not understood; whether it was one too many."""
        self._faults += 1
        return self._faults >= FAULTS
