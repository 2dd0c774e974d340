"""Several cores for one search, which still finds the smallest proof of the range."""

from __future__ import annotations

import queue
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .kernel import Kernel
from .process import Answer, Ended, SearchProcess

_WORKER_COMMAND = (sys.executable, "-m", "ledger.mining.child", "--worker")

SMALLEST_SHARE = 1000
"""Tries; to hand out fewer costs more than it saves."""


class Crew:
    """A `Kernel` made of kernels that run at the same time, each on its share of the range.

    All shares are searched, and the first of them that holds a proof decides: what is found is what
    one kernel alone would have found.
    """

    def __init__(self, kernels: Sequence[Kernel]) -> None:
        self._kernels = kernels
        self._pool = ThreadPoolExecutor(len(kernels), "mining-share")

    def __call__(
        self, prefix: bytes, suffix: bytes, difficulty: int, start: int, stop: int
    ) -> int | None:
        """See `kernel.search`."""
        share = max(SMALLEST_SHARE, -(-(stop - start) // len(self._kernels)))
        searches = [
            self._pool.submit(kernel, prefix, suffix, difficulty, low, min(low + share, stop))
            for kernel, low in zip(self._kernels, range(start, stop, share), strict=False)
        ]
        found = [search.result() for search in searches]
        return next((proof for proof in found if proof is not None), None)


class Worker:
    """A `Kernel` in a process of its own: `kernel.search` would not let other threads run.

    The process ends when this one does, however that comes about: its standard input ends.
    """

    def __init__(self) -> None:
        self._answers: queue.SimpleQueue[Answer | Ended] = queue.SimpleQueue()
        self._process = SearchProcess(_WORKER_COMMAND, self._answers)
        self._searches = 0

    def __call__(
        self, prefix: bytes, suffix: bytes, difficulty: int, start: int, stop: int
    ) -> int | None:
        """See `kernel.search`. Raises RuntimeError when the process is gone."""
        self._searches += 1
        self._process.search(self._searches, prefix, suffix, difficulty, start, stop)
        while True:
            answer = self._answers.get()
            if isinstance(answer, Ended):
                raise RuntimeError(f"a worker of the search is gone: {answer.reason}")
            if answer.type != "progress":
                return answer.proof
