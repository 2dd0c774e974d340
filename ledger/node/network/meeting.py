"""Meeting nodes that this one does not know yet: whoever introduces itself, or is named.

Anybody can name an address. So they are met at a bounded pace, a few at once, each place at most
once in a while; and a node is kept only if one of our kind and network answers there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final

from django.db import connection

from ledger.models import Peer

from ..conf import NodeConf
from ..errors import NodeError
from ..writer import Writer
from . import peers
from .pacing import Pacing, PlaceTaken
from .progress import NetworkProgress
from .visit import Visits

logger = logging.getLogger(__name__)

_AGAIN_AFTER: Final = 60.0  # seconds, until the same address is looked at again
_REMEMBERED: Final = 1024  # addresses
_STRANGERS: Final = 30  # a minute, who introduce themselves
_AT_ONCE: Final = 4
_WAITING: Final = 64


class Meetings:
    """Safe from any thread."""

    def __init__(
        self,
        conf: NodeConf,
        visits: Visits,
        pacing: Pacing,
        writer: Writer,
        progress: NetworkProgress,
    ) -> None:
        self._limit = conf.peers
        self._visits = visits
        self._pacing = pacing
        self._writer = writer
        self._progress = progress
        self._lock = threading.Lock()
        self._looked_at: dict[str, float] = {}
        self._strangers: deque[float] = deque(maxlen=_STRANGERS)
        self._waiting = 0
        self._greeters = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ledger-meeting")

    def close(self) -> None:
        self._greeters.shutdown(wait=False, cancel_futures=True)

    def introduced(self, address: str, identifier: str, otherwise: Callable[[str], bool]) -> None:
        """Somebody says that a node of that identifier is there. If it is a peer under another
        address, `otherwise` is called with that one, and says whether that will do."""
        with self._lock:
            now = time.monotonic()
            if len(self._strangers) == _STRANGERS and now - self._strangers[0] < 60:
                return
            self._strangers.append(now)
        self._queue(partial(self._introduced, address, identifier, otherwise))

    def named(self, address: str, source: str) -> None:
        """A node may be there."""
        self._queue(partial(self._meet, address, source, ""))

    def _queue(self, job: Callable[[], None]) -> None:
        with self._lock:
            if self._waiting >= _WAITING:
                return
            self._waiting += 1
        with suppress(RuntimeError):  # it was closed meanwhile
            self._greeters.submit(self._run, job)

    def _run(self, job: Callable[[], None]) -> None:
        try:
            job()
        except NodeError as error:
            logger.info("a node that was named is not kept: %s", error)
        except Exception:
            logger.exception("meeting a node failed")
        finally:
            connection.close()
            with self._lock:
                self._waiting -= 1

    def _introduced(self, address: str, identifier: str, otherwise: Callable[[str], bool]) -> None:
        same = peers.asked_by_itself().filter(identifier=identifier, kind=Peer.Kind.OURS)
        known = same.values_list("address", flat=True).first()
        if known is None or not otherwise(known):
            self._meet(address, Peer.Source.INTRODUCED, identifier)

    def _meet(self, address: str, source: str, identifier: str) -> None:
        if not self._is_new(address) or Peer.objects.filter(address=address).exists():
            return
        try:
            with self._pacing.visit(address) as visit:
                found = self._visits.meet(address, identifier)
                visit.went_well = found is not None
        except PlaceTaken:
            with self._lock:  # it was not looked at: who is there says so again
                self._looked_at.pop(address, None)
            raise
        if found is not None:
            self._writer.run(partial(peers.register, [address], self._limit, "", source))
            self._progress.peers_changed()

    def _is_new(self, address: str) -> bool:
        with self._lock:
            now = time.monotonic()
            if now - self._looked_at.get(address, -_AGAIN_AFTER) < _AGAIN_AFTER:
                return False
            self._looked_at.pop(address, None)
            self._looked_at[address] = now
            while len(self._looked_at) > _REMEMBERED:
                del self._looked_at[next(iter(self._looked_at))]
        return True
