"""Proof of work: a number that is hard to find and easy to check."""

from __future__ import annotations

import hashlib


def leading_zeros(message: bytes) -> int:
    """How many zeros the SHA-256 of `message`, written in hex, starts with (0 to 64).

    The article's test is `hexdigest()[:4] == "0000"`: at least four of them.
    """
    digest = hashlib.sha256(message).hexdigest()
    return len(digest) - len(digest.lstrip("0"))


def has_zeros(message: bytes, count: int) -> bool:
    """Whether there are at least so many."""
    return hashlib.sha256(message).hexdigest().startswith("0" * count)
