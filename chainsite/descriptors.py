"""File descriptors: a connection takes one, and the database needs some as well."""

from __future__ import annotations

import contextlib
import logging
import sys
from typing import Final

if sys.platform != "win32":
    import resource

logger = logging.getLogger(__name__)

RESERVE: Final = 192
"""For the database (three a connection, of which each large answer has its own), peers, files."""


def connections_possible(wanted: int) -> int:
    """Raise the soft limit on open files if need be; `wanted`, or fewer if that is impossible."""
    if sys.platform == "win32":
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + RESERVE
    if soft == resource.RLIM_INFINITY or needed <= soft:
        return wanted
    target = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
        soft = target
    # Where there are hardly any, half of them: something must be served.
    possible = min(wanted, max(soft - RESERVE, soft // 2))
    if possible < wanted:
        logger.warning(
            "this system allows %d open files: %d connections instead of %d", soft, possible, wanted
        )
    return possible
