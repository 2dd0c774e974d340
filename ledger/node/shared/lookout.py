"""A thread that looks into the database again and again, for what other processes wrote."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from django.db import DatabaseError, connection

from ..errors import NodeError

logger = logging.getLogger(__name__)

_PAUSE: Final = 0.02  # seconds at least between two looks


class Lookout:
    """Calls `look` from `start` to `close`: when it is woken, at least every `every()` seconds, and
    `again` seconds later where it failed. `what` it does is in the log."""

    def __init__(
        self,
        name: str,
        what: str,
        look: Callable[[], None],
        every: Callable[[], float],
        again: float,
    ) -> None:
        self._what = what
        self._look = look
        self._every = every
        self._again = again
        self._failing = False
        self._closing = False
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def close(self) -> None:
        """Idempotent."""
        self._closing = True
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._closing:
            self._wake.wait(self._every())
            self._wake.clear()
            try:
                self._look()
                self._works()
            except (DatabaseError, NodeError) as error:
                self._fails(error)
                connection.close()
                time.sleep(self._again)
            except Exception:
                logger.exception("%s failed", self._what)
                time.sleep(self._again)
            time.sleep(_PAUSE)
        connection.close()

    def _fails(self, error: Exception) -> None:
        """What is tried several times a second is said once."""
        if not self._failing:
            lines = str(error).splitlines() or [type(error).__name__]
            logger.warning("%s fails, and is tried again and again: %s", self._what, lines[0])
        self._failing = True

    def _works(self) -> None:
        if self._failing:
            logger.warning("%s works again", self._what)
        self._failing = False
