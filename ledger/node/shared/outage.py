"""What is tried several times a second is said once when it fails, and once when it works again."""

from __future__ import annotations

import logging


class Outage:
    """Of one thread's work, called `what` in the log."""

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._is_on = False

    def goes_on(self, error: Exception) -> None:
        """It failed; `error` is said if it did not before."""
        if not self._is_on:
            lines = str(error).splitlines() or [type(error).__name__]
            self._logger.warning("%s fails, and is tried again and again: %s", self._what, lines[0])
        self._is_on = True

    def is_over(self) -> None:
        """It worked."""
        if self._is_on:
            self._logger.warning("%s works again", self._what)
        self._is_on = False
