"""What processes use, with their children: that is where servers of several have it."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path


def megabytes(pids: Iterable[int]) -> float:
    """Memory they have now; what several share is counted once (the kernel's PSS)."""
    kilobytes = 0
    for pid in _with_children(pids):
        with suppress(OSError):  # it ended
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            kilobytes += sum(map(int, re.findall(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)))
    return round(kilobytes / 1024, 1)


def processor_seconds(pids: Iterable[int]) -> float:
    """Seconds of a core that those alive have used, and children of theirs that ended."""
    used = 0
    for pid in _with_children(pids):
        if fields := _stat(pid):
            used += sum(map(int, fields[11:15]))
    return used / os.sysconf("SC_CLK_TCK")


def _with_children(pids: Iterable[int]) -> Iterator[int]:
    children = defaultdict(list)
    for path in Path("/proc").glob("[0-9]*"):
        if fields := _stat(int(path.name)):
            children[int(fields[1])].append(int(path.name))
    found = list(pids)
    while found:
        pid = found.pop()
        yield pid
        found += children[pid]


def _stat(pid: int) -> list[str]:
    """The fields of its `stat` after the name; empty if it ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []
