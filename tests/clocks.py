"""Clocks for tests that may run on a busy machine: what was done, and not what was waited for.

A bound in seconds is about our code. Seconds in which the system let others run say nothing of it,
and on a machine with more to do than it can they are most of them.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from pathlib import Path

ON_LINUX = sys.platform == "linux"


def processor_seconds(pid: int) -> float:
    """What a running process has had of a processor, to the microsecond; elsewhere than on Linux
    the time that passes."""
    if not ON_LINUX:
        return time.monotonic()
    return time.clock_gettime(~pid << 3 | 2)  # the clock that clock_getcpuclockid(3) names


def children_of(pid: int) -> list[int]:
    """The processes it has started that are still there. On Linux alone."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):  # the thread has just ended
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def is_at_work(pid: int) -> bool:
    """Whether a process's first thread runs or would, if it were let; else it waits for something.
    On Linux alone."""
    state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    return state == "R"


class Stopwatch:
    """How long something in this process takes, without the time for which one of its threads was
    ready and the system ran others: as all share one lock, all wait for that one."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._waited = _waited()

    @property
    def seconds(self) -> float:
        passed = time.monotonic() - self._begun
        waited = (then - self._waited.get(thread, 0.0) for thread, then in _waited().items())
        return passed - max(waited, default=0.0)


def _waited() -> dict[str, float]:
    """The seconds for which each thread of this process was ready, and did not run."""
    found = {}
    if ON_LINUX:
        for task in Path("/proc/self/task").iterdir():
            with suppress(OSError, ValueError, IndexError):
                found[task.name] = int((task / "schedstat").read_text().split()[1]) / 1e9
    return found
