"""Having the duties whenever this process has the lease, and giving them up before it ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from django.db import connection

from ..duties import Duties
from ..events import Listeners
from ..writer import Writer
from .desk import Desk
from .lease import Lease

logger = logging.getLogger(__name__)

_AGAIN: Final = 1.0  # seconds, after duties that could not be begun


class Shift:
    """`begin` makes the duties, without starting them. Works from `start` on, in a thread."""

    def __init__(
        self, name: str, begin: Callable[[], Duties], writer: Writer, committed: Listeners
    ) -> None:
        self.duties: Duties | None = None
        """While this process has them."""
        self._begin = begin
        self._writer = writer
        self._committed = committed
        self._lease = Lease(name)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="ledger-shift", daemon=True)

    @property
    def term(self) -> int | None:
        """The number of the term, if this process has the lease."""
        return self._lease.term()

    def start(self) -> None:
        self._lease.start()
        self._thread.start()

    def close(self) -> None:
        """End the duties, and then the lease, so that another may begin at once. Idempotent."""
        self._closing.set()
        self._lease.stir()
        if self._thread.ident is not None:
            self._thread.join()
        self._lease.close()

    def _work(self) -> None:
        while not self._closing.is_set():
            term = self._lease.wait_for(lambda term: term is not None or self._closing.is_set())
            if term is None or self._closing.is_set():
                continue
            try:
                self._serve(term)
            except Exception:
                logger.exception("the duties could not be begun; trying again")
                self._closing.wait(_AGAIN)
            connection.close()

    def _serve(self, term: int) -> None:
        with ExitStack() as ends:
            duties = self._begin()
            ends.callback(duties.close)
            duties.start()
            desk = Desk(term, duties, self._writer, self._committed)
            desk.start()
            ends.callback(desk.close)
            self.duties = duties
            try:
                self._lease.wait_for(lambda now: now != term or self._closing.is_set())
            finally:
                self.duties = None
