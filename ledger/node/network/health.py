"""How a peer does: what it did wrong, when it is asked again, and when it is left alone.

Being unreachable is no misbehaviour: it only makes the pauses longer. A chain that breaks a rule
counts, and the count halves every hour. A peer that collects too much of it is banned for an hour.
The operator's own peers are not: he named them, and he sees how they do.
"""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final

from ledger.models import Peer

BANNED_AT: Final = 90.0  # five chains that break a rule, within minutes
BAN: Final = timedelta(hours=1)
WEIGHTS: Final = {Peer.Fault.INVALID: 20.0, Peer.Fault.MARKED: 0.0}

_FIRST_PAUSE: Final = 5.0  # seconds after the first failure; doubled with each that follows
_LONGEST_PAUSE: Final = 1800.0
_JITTER: Final = 0.25  # of a pause, either way: peers that failed together do not return together
PROTECTED: Final = (Peer.Source.OPERATOR, Peer.Source.BOOTSTRAP)


def is_protected(peer: Peer) -> bool:
    """Whether it is the operator's: never banned and never given up by itself."""
    return peer.source in PROTECTED


def pause_after(failures: int) -> float:
    """Seconds until a peer is asked again that failed so many times in a row."""
    return jittered(min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 1, 20)))


def jittered(seconds: float) -> float:
    return seconds * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - nobody gains by guessing it
