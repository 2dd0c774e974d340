"""Which of two valid chains a node follows."""

from __future__ import annotations


def prefers(candidate_length: int, own_length: int) -> bool:
    """Whether a valid chain of `candidate_length` blocks replaces ours of `own_length`.

    Only a strictly longer one does: of equals, the first seen stays (protocol, section 3). This is
    also what makes it harmless that a tip's contents can be changed without new work.
    """
    return candidate_length > own_length
