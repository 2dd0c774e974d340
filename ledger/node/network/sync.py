"""Consensus with peers: ask all of them for their chains, follow the longest valid one.

All peers are asked at once, each under its own deadline; what one does wrong is noted on that peer
and never fails the rest (protocol, section 4). Calls that come while peers are being asked share
one round.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.db import connection

from ..chainstate import Switch
from ..conf import NodeConf
from ..errors import Overloaded, Stopped, StorageFailed
from ..writer import Writer
from . import pacing
from .asking import Asked, Asker
from .findings import Finding, note
from .peers import asked_by_itself
from .progress import NetworkProgress

logger = logging.getLogger(__name__)

_STOPPING: Final = "this node is shutting down"


@dataclass(frozen=True, slots=True)
class PeerReport:
    """How asking one peer went: blocks counted, or why it failed."""

    address: str
    length: int | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Round:
    """What asking all peers came to. `switch` is None when our chain stays."""

    switch: Switch | None
    reports: tuple[PeerReport, ...]


class Syncer:
    """Asks the peers, one round at a time."""

    def __init__(
        self, asker: Asker, writer: Writer, conf: NodeConf, progress: NetworkProgress
    ) -> None:
        self._asker = asker
        self._writer = writer
        self._progress = progress
        self._lock = threading.Lock()
        self._round: Future[Round] | None = None
        self._places: pacing.Round | None = None
        self._closing = False
        self._rounds = ThreadPoolExecutor(1, thread_name_prefix="ledger-resolve")
        self._askers = ThreadPoolExecutor(conf.peers, thread_name_prefix="ledger-peer")

    def resolve(self) -> Future[Round]:
        """Start a round, or join the one under way. The future never fails through a peer.

        Raises `Stopped` after `close`; so does a round that `close` cut short.
        """
        with self._lock:
            if self._closing:
                raise Stopped(_STOPPING)
            if self._round is None or self._round.done():
                self._round = self._rounds.submit(self._run)
            return self._round

    def close(self) -> None:
        """Let a round under way end (within the peers' deadline), start no other."""
        with self._lock:
            self._closing = True
        self._rounds.shutdown(wait=False, cancel_futures=True)
        self._askers.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> Round:
        try:
            kinds = dict(asked_by_itself().order_by("pk").values_list("address", "kind"))
            asked = self._ask_all(kinds)
            try:
                switch = self._adopt_best(asked)
            finally:
                for one in asked:
                    one.close()
            findings = [one.finding for one in asked]
            try:
                self._writer.run(partial(note, findings, switch))
            except (Overloaded, StorageFailed) as error:
                # The chain is what it is by now; only the peers' rows say nothing of this round.
                logger.warning("how the peers did could not be noted: %s", error)
            self._progress.peers_changed()
            return Round(switch, tuple(_report(one) for one in findings))
        finally:
            connection.close()

    def _ask_all(self, kinds: dict[str, str]) -> list[Asked]:
        places = self._places = pacing.Round(list(kinds), self._places)

        def ask(address: str) -> Asked:
            with places.asking(address):
                return self._asker.ask(address, kinds[address])

        try:
            return list(self._askers.map(ask, kinds))
        except (RuntimeError, CancelledError):
            if self._closing:  # no thread was left to ask with
                raise Stopped(_STOPPING) from None
            raise

    def _adopt_best(self, asked: list[Asked]) -> Switch | None:
        """Adopt the longest branch that is preferred to ours; of equals, the first asked.

        What peers of our kind had is adopted by now, and counts as long as nothing longer came.
        """
        switches = [one.finding.switch for one in asked if one.finding.switch]
        switch = max(switches, key=lambda one: one.fork_index + one.connected, default=None)
        branched = [one for one in asked if one.branch]
        for one in sorted(branched, key=lambda one: -one.branch.length if one.branch else 0):
            adopted = self._asker.adopt(one)
            if adopted:
                return adopted
        return switch


def _report(one: Finding) -> PeerReport:
    return PeerReport(one.address, None if one.failure else one.length, one.failure)
