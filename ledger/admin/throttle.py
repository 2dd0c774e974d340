"""How often somebody may try to sign in.

A try takes a token from the bucket of its address and from the bucket of the account it names;
buckets fill up again slowly, and a good sign-in gives its tokens back. So a password cannot be
guessed, wherever the tries come from, and the answer is the same for an account that is not there.

Nobody can keep the operator out by trying: a device that signed in before has a bucket of its own
instead (it shows a signed cookie), and a try from this very machine asks no account's bucket.
All of it is kept in memory, and only so much of it; a restart forgets it.
"""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TRIES: Final = 5  # in a row
SECONDS: Final = 30.0  # until another one is free
_BUCKETS: Final = 4096  # of one kind
_NAME: Final = 150  # characters of an account's name that count

Key = tuple[str, str]


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


def keys(address: str, account: str, device: str = "", *, forwarded: bool = False) -> list[Key]:
    """The buckets a try takes from. `device` is the proof of an earlier sign-in, "" for none;
    what was `forwarded` by a proxy on this machine is not from this machine."""
    if device:
        return [("device", device)]
    if _is_loopback(address) and not forwarded:
        return [("address", "loopback")]
    return [("address", _network(address)), ("account", account[:_NAME].casefold())]


def _is_loopback(address: str) -> bool:
    try:
        return _parsed(address).is_loopback
    except ValueError:
        return False


def _network(address: str) -> str:
    """The address; of IPv6 the network, of which one machine has as many addresses as it likes."""
    try:
        parsed = _parsed(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed
