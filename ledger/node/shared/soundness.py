"""Whether the stored chain may be served: found by one process, for all of them.

A worker has checked the chain before it can have the lease. So while the lease is held the chain
was found sound, and no other process need check it.
"""

from __future__ import annotations

import logging
import os
import signal
import time
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError, connection, transaction

from ..errors import Damaged, Unattended
from . import lease

logger = logging.getLogger(__name__)

_LOOK_EVERY: Final = 0.25  # seconds

_condemned = ""


def tell_others(fault: str) -> None:
    """What was found: a broken chain, or, with an empty text, a sound one."""
    try:
        with transaction.atomic():
            lease.note_fault(fault)
    except DatabaseError as error:
        logger.warning("other processes cannot be told how the chain was found: %s", error)


def await_worker(patience: float, progress: Callable[[str], None] | None = None) -> None:
    """Wait until a process that has checked the chain has the duties: not each has to check it.

    Raises `Damaged` if one found it broken, and `Unattended` after `patience` seconds. `progress`
    gets, once, what is waited for.
    """
    deadline, told = time.monotonic() + patience, False
    while True:
        try:
            there = lease.standing()
            if there.fault:
                raise Damaged(there.fault)
            if there.is_held:
                return
            missing = "no worker is at work on this node"
        except DatabaseError as error:
            connection.close()
            words = str(error).splitlines() or [type(error).__name__]
            missing = f"no worker has made the database ready ({words[0]})"
        if time.monotonic() > deadline:
            raise Unattended(missing)
        if progress and not told:
            progress(missing)
            told = True
        time.sleep(_LOOK_EVERY)


def condemn(fault: str) -> None:
    """Another process found the stored chain broken: end this one, by way of its server."""
    global _condemned
    if not _condemned:
        _condemned = fault
        logger.critical("the stored chain is broken, and is served no more:\n%s", fault)
        os.kill(os.getpid(), signal.SIGTERM)
