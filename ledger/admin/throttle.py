"""How often somebody may try to sign in.

A try takes a token from the bucket of its address and from the bucket of the account it names;
buckets fill up again slowly, and a good sign-in gives its tokens back. So a password cannot be
guessed, wherever the tries come from, and the answer is the same for an account that is not there.

Nobody can keep the operator out by trying: a device that signed in before has a bucket of its own
instead (it shows a signed cookie), and a try from this very machine asks no account's bucket.
All of it is kept in memory, and only so much of it; a restart forgets it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.access.policy import counted_as

TRIES: Final = 5  # in a row
SECONDS: Final = 30.0  # until another one is free
_BUCKETS: Final = 4096  # of one kind
_NAME: Final = 150  # characters of an account's name that count

Key = tuple[str, Hashable]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Throttle:
    """Buckets of tokens by key, the least lately used forgotten first."""

    def __init__(self) -> None:
        self._buckets: OrderedDict[Key, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, keys: Sequence[Key]) -> int:
        """Take a token from every bucket: 0; or none, and the seconds until all have one."""
        now = time.monotonic()
        with self._lock:
            buckets = [self._filled(key, now) for key in keys]
            missing = max(1 - bucket.tokens for bucket in buckets)
            if missing > 0:
                return math.ceil(missing * SECONDS)
            for bucket in buckets:
                bucket.tokens -= 1
            return 0

    def give_back(self, keys: Sequence[Key]) -> None:
        now = time.monotonic()
        with self._lock:
            for key in keys:
                bucket = self._filled(key, now)
                bucket.tokens = min(TRIES, bucket.tokens + 1)

    def _filled(self, key: Key, now: float) -> _Bucket:
        bucket = self._buckets.setdefault(key, _Bucket(TRIES, now))
        self._buckets.move_to_end(key)
        bucket.tokens = min(TRIES, bucket.tokens + (now - bucket.at) / SECONDS)
        bucket.at = now
        if len(self._buckets) > _BUCKETS:
            self._buckets.popitem(last=False)
        return bucket


def keys(address: str, account: str, device: str = "", *, is_machine: bool = False) -> list[Key]:
    """The buckets a try takes from. `device` is the proof of an earlier sign-in, "" for none;
    `is_machine`: it comes from the machine the node runs on (`ledger.access`)."""
    if device:
        return [("device", device)]
    if is_machine:
        return [("machine", "")]
    return [("address", counted_as(address)), ("account", account[:_NAME].casefold())]
