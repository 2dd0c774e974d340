"""The word between processes that there is something new, through Redis.

It says nothing but that, and is never needed: rows are looked at by the clock, too. So Redis may
hang, end or come back at any moment, and nobody waits for it but the two threads here. It is plain
PUBLISH and SUBSCRIBE: a channel layer needs an event loop, which a worker has not, costs three to
nine times as much for each word, and keeps it for receivers that are away, who have no use for it.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final

from ..errors import NodeError
from ..events import Listeners

logger = logging.getLogger(__name__)

_PATIENCE: Final = 0.5  # seconds for any answer of Redis
_GATHERED: Final = 0.02  # seconds between two words
_QUIET: Final = 2.0  # seconds without a word, before Redis is asked whether it is there
_AGAIN: Final = 0.5
_LOGGED_EVERY: Final = 60.0


class WakeUps:
    """Tells the other processes of a node, and has `heard` announced when they tell us."""

    def __init__(self, url: str, node: str, own_name: str, heard: Listeners) -> None:
        """Raises `NodeError` where the package is missing or the URL is none."""
        try:
            import redis
        except ImportError:
            raise NodeError(
                "REDIS_URL needs the package redis: install requirements/scale.txt."
            ) from None
        self._failures = (redis.RedisError, OSError)
        try:
            self._redis: Any = redis.Redis.from_url(
                url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=None
            )
        except ValueError as error:
            raise NodeError(f"REDIS_URL leads to no Redis: {error}") from error
        self._channel = f"chainsite:{node}"
        self._own_name = own_name.encode()
        self._heard = heard
        self._news = threading.Event()
        self._closing = threading.Event()
        self._logged = -_LOGGED_EVERY
        self.failures = 0
        """How often Redis could not be reached, or did not answer in time."""
        self.is_connected = False
        """Whether words of others would reach us now, as far as we know."""
        self._threads = [
            threading.Thread(target=self._speak, name="ledger-wake-out", daemon=True),
            threading.Thread(target=self._listen, name="ledger-wake-in", daemon=True),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def tell(self) -> None:
        """Returns at once. Of many words at a time one is sent."""
        self._news.set()

    def close(self) -> None:
        """Idempotent."""
        self._closing.set()
        self._news.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(2 * _PATIENCE)

    def _speak(self) -> None:
        while True:
            self._news.wait()
            if self._closing.is_set():
                return
            self._news.clear()
            try:
                self._redis.publish(self._channel, self._own_name)
            except self._failures as error:
                self._note(error)
            self._closing.wait(_GATHERED)

    def _listen(self) -> None:
        while not self._closing.is_set():
            subscribed = self._redis.pubsub(ignore_subscribe_messages=True)
            try:
                subscribed.subscribe(self._channel)
                self._hear(subscribed)
            except self._failures as error:
                self._note(error)
            finally:
                self.is_connected = False
                subscribed.close()
            self._closing.wait(_AGAIN)

    def _hear(self, subscribed: Any) -> None:
        """Listen until the connection fails: raises one of the failures."""
        asked = False
        heard_at = time.monotonic()
        while not self._closing.is_set():
            said = subscribed.get_message(timeout=_PATIENCE)
            now = time.monotonic()
            if said is None:
                if now - heard_at > 2 * _QUIET:
                    raise TimeoutError("Redis does not answer")
                if now - heard_at > _QUIET and not asked:
                    subscribed.ping()  # it is answered like a message
                    asked = True
                continue
            if not self.is_connected or asked:
                self.is_connected, asked = True, False
            heard_at = now
            if said["type"] == "message" and said["data"] != self._own_name:
                self._heard.announce()

    def _note(self, error: Exception) -> None:
        self.failures += 1
        now = time.monotonic()
        if now - self._logged >= _LOGGED_EVERY:
            self._logged = now
            logger.warning("no wake-ups through Redis, pages look by the clock: %s", error)
