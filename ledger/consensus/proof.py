"""Proof of work: a number that is hard to find and easy to check."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def leading_zeros(message: bytes) -> int:
    """How many zeros the SHA-256 of `message`, written in hex, starts with (0 to 64).

    The article's test is `hexdigest()[:4] == "0000"`: at least four of them.
    """
    digest = hashlib.sha256(message).hexdigest()
    return len(digest) - len(digest.lstrip("0"))


def all_have_zeros(messages: Iterable[bytes], count: int) -> bool:
    """Whether there are at least so many for each."""
    zeros, sha256 = "0" * count, hashlib.sha256
    return all(sha256(message).hexdigest().startswith(zeros) for message in messages)
