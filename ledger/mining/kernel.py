"""The kernel: try the integers of a range, one SHA-256 each, until one holds.

Measured on CPython 3.11 to 3.13 with OpenSSL 3, in alternating pairs. Hashing once what does not
change and copying OpenSSL's state for every try is the quickest form from 3.12 on, and for long
messages always. Hashing `head + tail` in one shot is 10 to 20 % slower there, comparing slices, hex
digests and pipelines of `map` are no quicker, and a loop unrolled ten times gains 2 %. On 3.11 the
interpreter's own SHA-256 in one shot is quicker by 8 % for a message of one block: its hashing is
slower than OpenSSL's, but its objects cost less. Either way nearly nine tenths of a try are making
the object and asking it for its digest, which no loop can spare.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from typing import Any

Kernel = Callable[[bytes, bytes, int, int, int], int | None]
"""(prefix, suffix, difficulty, start, stop) -> proof: the shape of `search`.

The child process reaches its kernel through one reference of this type, so that another one can
take its place without a change to the protocol.
"""

HARDEST = 64
"""The greatest difficulty: a SHA-256 digest has this many hex digits."""

_ONE_BLOCK = 55  # bytes of a message that SHA-256 hashes as one block
_GROUP = 1000
_PADDED = tuple(b"%03d" % n for n in range(_GROUP))
_PLAIN = tuple(b"%d" % n for n in range(_GROUP))


def _quick_one_shot() -> Callable[[bytes], Any] | None:
    """The interpreter's own SHA-256, where it is quicker than OpenSSL's and was built in."""
    if sys.version_info[:2] != (3, 11):
        return None
    try:
        own: Callable[[bytes], Any] = import_module("_sha256").sha256
    except ImportError:
        return None
    return own


_one_shot = _quick_one_shot()


def digest_bound(difficulty: int) -> bytes:
    """Return the bytes that a raw digest must be less than to begin with `difficulty` hex zeros.

    One comparison of bytes then decides odd and even difficulties alike. The bound is one byte
    longer than it needs to be at both ends: at 0 every digest is below it, and at 64 only the
    digest of 32 zero bytes is, being a proper prefix of it.

    Raises ValueError when the difficulty is not from 0 to 64.
    """
    if not 0 <= difficulty <= HARDEST:
        raise ValueError(f"difficulty must be from 0 to {HARDEST}, not {difficulty}")
    if difficulty == 0:
        return b"\xff" * 33
    if difficulty == HARDEST:
        return b"\x00" * 33
    whole, half = divmod(difficulty, 2)
    return b"\x00" * whole + b"\x10" if half else b"\x00" * (whole - 1) + b"\x01"


def search(prefix: bytes, suffix: bytes, difficulty: int, start: int, stop: int) -> int | None:
    """Return the smallest p with start <= p < stop whose proof holds, or None.

    It holds when SHA-256(prefix + str(p) in ASCII + suffix), in hex, begins with `difficulty`
    zeros. Runs until it is done: the caller bounds the time by bounding the range.

    Raises ValueError when the difficulty is not from 0 to 64 or start is negative.
    """
    if start < 0:
        raise ValueError(f"start must not be negative, not {start}")
    bound = digest_bound(difficulty)
    # A number is a head and the last three digits, so that within a group of a thousand only the
    # tail is hashed anew. Below 1000 there is no head and the tail has no leading zeros.
    padded = [digits + suffix for digits in _PADDED]
    for head in range(start // _GROUP, -(-stop // _GROUP)):
        start_of_text = prefix + (b"%d" % head if head else b"")
        tails = padded if head else [digits + suffix for digits in _PLAIN]
        first = head * _GROUP
        if first < start or stop < first + _GROUP:
            low = max(start - first, 0)
            tails = tails[low : stop - first]
            first += low
        if _one_shot and len(start_of_text) + len(padded[0]) <= _ONE_BLOCK:
            found = _hash_whole(start_of_text, tails, bound, _one_shot)
        else:
            found = _hash_tails(sha256(start_of_text), tails, bound)
        if found is not None:
            return first + found
    return None


def _hash_tails(state: Any, tails: list[bytes], bound: bytes) -> int | None:
    """The place of the first tail that brings the digest below the bound."""
    for tail in tails:
        attempt = state.copy()
        attempt.update(tail)
        if attempt.digest() < bound:
            return tails.index(tail)  # tails differ from one another
    return None


def _hash_whole(
    start: bytes, tails: list[bytes], bound: bytes, one_shot: Callable[[bytes], Any]
) -> int | None:
    """The same, hashing the text from its start each time."""
    for tail in tails:
        if one_shot(start + tail).digest() < bound:
            return tails.index(tail)
    return None
