"""The fast kernel: the same search as `kernel`, many numbers at a time. Needs llvmlite.

A number is a head and its last four digits. Within a group of ten thousand only those four bytes
of the message change, so a group is one call of machine code; Python prepares the group's block.
"""

from __future__ import annotations

import ctypes
import logging
import struct
from functools import lru_cache
from typing import Any, Final

from . import kernel, sha256
from .kernel import Kernel

logger = logging.getLogger(__name__)

_DIGITS: Final = 4
_GROUP: Final = 10**_DIGITS
_SMALLEST: Final = _GROUP // 10
"""Numbers below it have fewer digits than a tail."""

_BLOCK: Final = 64
_CERTAIN: Final = 8
"""Difficulties up to it are decided by the first word of a hash."""

# Blocks of every kind: with and without later ones, the tail at the start of a word and across
# two, around each change of the number of digits.
_TRIALS: Final = [
    (b"100", b"", 900, 2100),
    (b"35293", b"", 9_500, 10_500),
    (b"7", b"ab" * 32, 99_700, 100_300),
    (b"119678", b"5c" * 32, 10**9 - 300, 10**9 + 300),
    (b"9" * 54, b"0" * 80, 10_000, 10_500),
]


def load() -> Kernel | None:
    """The fast kernel, or None where llvmlite is not installed or what it made cannot be trusted.

    Whatever is wrong with it goes to the log: the search can do without.
    """
    try:
        search = LaneKernel()
    except ImportError:
        return None
    except Exception:
        logger.exception("the fast search could not be compiled; searching without it")
        return None
    if not agrees(search):
        logger.error("the fast search disagrees with hashlib; searching without it")
        return None
    return search


def agrees(search: Kernel) -> bool:
    """Whether a kernel finds what `hashlib` finds, and nothing else, in a few thousand tries."""
    return all(
        _all_found(search, prefix, suffix, start, stop)
        == _all_found(kernel.search, prefix, suffix, start, stop)
        for prefix, suffix, start, stop in _TRIALS
    )


def _all_found(search: Kernel, prefix: bytes, suffix: bytes, start: int, stop: int) -> list[int]:
    found: list[int] = []
    while (proof := search(prefix, suffix, 1, start, stop)) is not None:
        if not start <= proof < stop:  # a broken kernel must not keep us here
            return [-1]
        found.append(proof)
        start = proof + 1
    return found


class LaneKernel:
    """A `Kernel`. Making one compiles it; any number of threads may call it at once."""

    def __init__(self) -> None:
        """Raises ImportError where llvmlite is not installed."""
        from . import machine_code

        self._scan, self._alive = machine_code.compile_scan()
        self._none = machine_code.NONE
        digits = [
            int.from_bytes(b"%04d" % (n % _GROUP)) for n in range(_GROUP + machine_code.LANES)
        ]
        self._tails = (ctypes.c_uint32 * len(digits))(*digits)

    def __call__(
        self, prefix: bytes, suffix: bytes, difficulty: int, start: int, stop: int
    ) -> int | None:
        """See `kernel.search`."""
        small = min(stop, _SMALLEST)
        if start < small or stop <= start or not 0 <= difficulty <= kernel.HARDEST:
            found = kernel.search(prefix, suffix, difficulty, start, small)
            if found is not None:
                return found
        limit = 0xFFFFFFFF >> 4 * min(difficulty, _CERTAIN)
        start = max(start, _SMALLEST)
        while start < stop:
            head, low = divmod(start, _GROUP)
            high = min(stop - head * _GROUP, _GROUP)
            before = prefix + b"%d" % head if head else prefix
            if len(before) + _DIGITS > _BLOCK:  # no proof of an honest chain is that long
                return kernel.search(prefix, suffix, difficulty, start, stop)
            tail = self._first(before, suffix, low, high, limit)
            if tail is None:
                start = (head + 1) * _GROUP
                continue
            proof = head * _GROUP + tail
            if (
                difficulty <= _CERTAIN
                or kernel.search(prefix, suffix, difficulty, proof, proof + 1) is not None
            ):
                return proof
            start = proof + 1
        return None

    def _first(self, before: bytes, suffix: bytes, low: int, high: int, limit: int) -> int | None:
        """The first tail from `low` to `high` that brings the first word of the hash to `limit`."""
        padding, later, count = _frame(len(before), suffix)
        block = ((before + bytes(_DIGITS) + suffix)[:_BLOCK] + padding)[:_BLOCK]
        words = (ctypes.c_uint32 * 16)(*struct.unpack(">16I", block))
        word, byte = divmod(len(before), 4)
        tail: int = self._scan(words, later, count, word, 8 * byte, self._tails, low, high, limit)
        return tail if tail < high else None


@lru_cache(maxsize=64)
def _frame(length: int, suffix: bytes) -> tuple[bytes, Any, int]:
    """What follows `length` bytes, a tail and a suffix: the padding, and the later blocks.

    Of each later block the 64 words of its schedule with K added, and how many blocks they are.
    """
    size = length + _DIGITS + len(suffix)
    padding = b"\x80" + bytes(-(size + 9) % _BLOCK) + (8 * size).to_bytes(8)
    message = bytes(length + _DIGITS) + suffix + padding
    on = sha256.Integers()
    words = [
        on.add(word, k)
        for at in range(_BLOCK, len(message), _BLOCK)
        for word, k in zip(
            sha256.schedule(struct.unpack(">16I", message[at : at + _BLOCK]), on),
            sha256.K,
            strict=True,
        )
    ]
    return padding, (ctypes.c_uint32 * len(words))(*words), len(words) // 64
