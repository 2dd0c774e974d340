"""Refusals before Django has a request, in the form in which its path is answered."""

from __future__ import annotations

from typing import Final

from ledger.api.problems import problem

_PLAIN: Final = b"text/plain; charset=utf-8"


def is_versioned(path: str) -> bool:
    """Whether it is the versioned API's, with or without a slash behind its name."""
    return f"{path}/".startswith("/api/v1/")


def worded(path: str, name: str, status: int, reason: str) -> tuple[bytes, bytes]:
    """Content type and body: the problem of that name where the versioned API is, else text."""
    if not is_versioned(path):
        return _PLAIN, f"{reason}\n".encode()
    answer = problem(name, status, reason)
    return answer.headers["Content-Type"].encode(), answer.content
