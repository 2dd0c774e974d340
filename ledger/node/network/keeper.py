"""Keeps this node in touch with the others by itself: who is visited when, and who is told.

One thread plans. Visits, and words to peers, go out from threads of their own, so that a slow peer
keeps nobody else waiting. Nothing here is needed for correctness: what is lost or late is found at
the next visit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.db import connection
from django.utils import timezone

from ledger.models import Peer, Tip

from ..conf import NodeConf
from ..errors import NodeError
from ..events import Listeners
from ..identity import Identity
from ..relayed import Intake
from ..writer import Writer
from . import addresses, health, peers
from .announcing import State, announce, nudge
from .asking import Asker
from .findings import Finding, note
from .meeting import Meetings
from .pacing import BETWEEN, Pacing
from .progress import NetworkProgress
from .relay import Puller
from .serving import Probes
from .visit import News, Saw, Visits

logger = logging.getLogger(__name__)

_OURS_EVERY: Final = 15.0  # seconds between visits nobody asked for: news comes as news
_FIRST_PAUSE: Final = 0.5
_SLOWEST: Final = 12  # times `poll_every`, for an old peer where nothing happens
_SLOWER: Final = 1.5
_SOON: Final = 0.05  # seconds, between two visits after news, and between two looks around
_WORDS_EVERY: Final = 0.25  # seconds between two announcements to one peer
_REMIND_EVERY: Final = 60.0
_NUDGES_EVERY: Final = 5.0  # at most: not more often than old peers are visited
_LOOK_EVERY: Final = 1.0  # what another process did to the peers is not told
_AGAIN: Final = 1.0  # seconds, after a visit that could not fetch all
_NOTED_EVERY: Final = 10.0  # seconds, where nothing changed
_AGED_EVERY: Final = 3600.0
_TELLERS: Final = 16


@dataclass(slots=True)
class _Planned:
    """What is known of one peer, between visits. Times are monotonic."""

    due: float
    kind: str
    is_well: bool
    knows_us: bool
    pause: float = 0.0
    busy: bool = False
    news: News | None = None
    told: State | None = None
    telling: bool = False
    may_tell: float = 0.0
    noted: tuple[object, ...] = ()
    noted_at: float = 0.0


class Keeper:
    """Does nothing before `start`. `saw` is for a node whose probes are shown elsewhere, too."""

    def __init__(
        self,
        own: Identity,
        conf: NodeConf,
        asker: Asker,
        intake: Intake,
        writer: Writer,
        committed: Listeners,
        progress: NetworkProgress,
        saw: Saw | None = None,
    ) -> None:
        self.probes = Probes()
        self._own = own
        self._conf = conf
        self._writer = writer
        self._progress = progress
        puller = Puller(intake, writer, conf)
        self._visits = Visits(own, conf, asker, puller, saw or self.probes.saw)
        self._pacing = Pacing(min(BETWEEN, conf.poll_every))
        self._meetings = Meetings(conf, self._visits, self._pacing, writer, progress)
        self._wake = threading.Condition()
        self._closing = False
        self._dirty = True
        self._looked = 0.0
        self._aged = time.monotonic()
        self._state: State | None = None
        self._plan: dict[str, _Planned] = {}
        self._forget = committed.add(self.look_around)
        self._thread: threading.Thread | None = None
        self._visitors = ThreadPoolExecutor(conf.peers, thread_name_prefix="ledger-visit")
        self._tellers = ThreadPoolExecutor(_TELLERS, thread_name_prefix="ledger-announce")

    @property
    def is_running(self) -> bool:
        return self._thread is not None

    def start(self) -> None:
        """Remember the peers named in the settings, and begin. Raises `NodeError` for one that is
        no address, and where this node's own is none."""
        if self._conf.public_address:
            addresses.parse(self._conf.public_address)
        named = peers.parse_all(self._conf.bootstrap, self._conf.peer_policy)
        if named:
            self._writer.run(partial(_remember_named, named, self._conf.peers))
        self._thread = threading.Thread(target=self._work, name="ledger-keeper", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Start nothing more; what is under way ends within the peers' deadline. Idempotent."""
        self._forget()
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._meetings.close()
        self._visitors.shutdown(wait=False, cancel_futures=True)
        self._tellers.shutdown(wait=False, cancel_futures=True)
        if self._thread is not None:
            self._thread.join()

    def look_around(self) -> None:
        """Something may have changed: our chain, our pool, the peers."""
        with self._wake:
            self._dirty = True
            self._wake.notify()

    def heard(self, news: News) -> None:
        """Somebody announced something, or itself. Returns at once."""
        if not self.is_running:
            return
        if not self._is_news_of(news, news.address):
            self._meetings.introduced(
                news.address, news.identifier, partial(self._is_news_of, news)
            )

    def meet(self, address: str, source: str) -> None:
        """A node may be found at an address: see, and keep it if it is one of ours and new."""
        if self.is_running:
            self._meetings.named(address, source)

    def _is_news_of(self, news: News, address: str) -> bool:
        """Have the peer of that address visited, if there is one."""
        with self._wake:
            planned = self._plan.get(address)
            if planned is None:
                return False
            planned.news = news
            planned.due = min(planned.due, time.monotonic() + _SOON)
            self._wake.notify()
            return True

    # --- planning, in the keeper's thread -----------------------------------------------------

    def _work(self) -> None:
        try:
            self._go_on()
        finally:
            connection.close()

    def _go_on(self) -> None:
        while True:
            with self._wake:
                while not self._closing and (wait := self._wait()) > 0:
                    self._wake.wait(wait)
                if self._closing:
                    return
                look = self._dirty or time.monotonic() - self._looked >= _LOOK_EVERY
                self._dirty = False
            try:
                if look:
                    self._look()
                self._send_out()
            except Exception:
                logger.exception("peers could not be looked after; trying again")
                connection.close()
                time.sleep(1)

    def _wait(self) -> float:
        """Seconds until there is something to do."""
        now = time.monotonic()
        if self._dirty:
            return self._looked + _SOON - now
        due = [one.due for one in self._plan.values() if not one.busy]
        due += [one.may_tell for one in self._plan.values() if self._is_to_be_told(one)]
        return min([*due, self._looked + _LOOK_EVERY]) - now

    def _look(self) -> None:
        """Read the peers and where we stand."""
        rows, state = list(peers.asked_by_itself()), State.now()
        self._looked = now = time.monotonic()
        if now - self._aged > _AGED_EVERY:
            self._aged = now
            with suppress(NodeError):
                self._writer.submit(peers.forget_aged)
        with self._wake:
            before = self._plan
            self._plan = {}
            for row in rows:
                planned = before.get(row.address) or _Planned(
                    _first_visit(row), row.kind, False, row.knows_us
                )
                planned.kind, planned.knows_us = row.kind, row.knows_us
                planned.is_well = bool(row.last_success_at) and not row.failure
                self._plan[row.address] = planned
            self._state = state

    def _send_out(self) -> None:
        """Start the visits that are due, and tell those who have not been told."""
        now = time.monotonic()
        visits, words = [], []
        with self._wake:
            for address, planned in self._plan.items():
                if planned.due <= now and not planned.busy:
                    planned.busy = True
                    news, planned.news = planned.news, None
                    visits.append(partial(self._visit, address, planned, news))
                if planned.may_tell <= now and self._is_to_be_told(planned):
                    assert self._state is not None
                    planned.telling, planned.told = True, self._state
                    words.append(partial(self._tell, address, planned, self._state))
        for visit in visits:
            self._submit(self._visitors, visit)
        for word in words:
            self._submit(self._tellers, word)

    def _is_to_be_told(self, one: _Planned) -> bool:
        if one.telling or not one.is_well or self._state is None:
            return False
        if one.kind == Peer.Kind.OURS:
            # Now and then even without news: who has lost a word, or us, hears of us again.
            return one.told != self._state or time.monotonic() > one.may_tell + _REMIND_EVERY
        grew = one.told is None or one.told.tip.index < self._state.tip.index
        return one.kind == Peer.Kind.OLD and one.knows_us and grew

    def _submit(self, pool: ThreadPoolExecutor, job: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # it was closed meanwhile
            pool.submit(job)

    # --- going, in threads of their own -------------------------------------------------------

    def _visit(self, address: str, planned: _Planned, news: News | None) -> None:
        pause = health.pause_after(1)
        try:
            peer = peers.asked_by_itself().filter(address=address).first()
            if peer is None:
                return
            with self._pacing.visit(address) as visit:
                finding, named = self._visits.visit(peer, news)
                ours = Peer.Kind.OURS in (finding.kind, peer.kind)
                visit.went_well = ours and not finding.failure
            if finding.taken is not None:
                pause = finding.taken
                return
            finding.pause = pause = self._pause(finding, planned, peer)
            if finding.again:
                pause = finding.pause = min(pause, _AGAIN)
            if self._is_worth_noting(finding, planned):
                self._writer.run(partial(_settle, peer, finding))
                pause = finding.pause
                self._progress.peers_changed()
            if finding.kind == Peer.Kind.OLD and _is_behind(finding):
                planned.told = None  # a word to it was lost, or came too early
            for other in named:
                self._meetings.named(other, Peer.Source.EXCHANGED)
        except NodeError as error:
            logger.warning("a visit to %s could not be noted: %s", address, error)
        except Exception:
            logger.exception("the visit to %s failed", address)
        finally:
            connection.close()
            self._end(planned, pause)

    def _pause(self, finding: Finding, planned: _Planned, peer: Peer) -> float:
        kind = peer.kind if finding.kind is None else finding.kind
        if kind == Peer.Kind.OURS:
            # Who was met just now is asked again soon: it may be joining others, as we are.
            planned.pause = min(_OURS_EVERY, planned.pause * 2 or _FIRST_PAUSE)
            return health.jittered(planned.pause)
        least = self._conf.poll_every
        is_news = finding.switch is not None or finding.tip_hash != peer.tip_hash
        longer = least if is_news else max(least, planned.pause * _SLOWER)
        planned.pause = min(longer, least * _SLOWEST)
        return health.jittered(planned.pause)

    def _is_worth_noting(self, finding: Finding, planned: _Planned) -> bool:
        """Not each of many visits a second, if they find the same."""
        now = time.monotonic()
        found = (finding.tip_hash, finding.failure, finding.kind, finding.alias_of)
        if finding.length is None and not finding.failure and finding.kind is None:
            return False  # it was only asked for transactions
        if found == planned.noted and now - planned.noted_at < _NOTED_EVERY and not finding.failure:
            return False
        planned.noted, planned.noted_at = found, now
        return True

    def _end(self, planned: _Planned, pause: float) -> None:
        with self._wake:
            planned.busy = False
            planned.due = time.monotonic() + (_SOON if planned.news else pause)
            self._wake.notify()

    def _tell(self, address: str, planned: _Planned, state: State) -> None:
        try:
            if planned.kind == Peer.Kind.OURS:
                every = _WORDS_EVERY
                announce(address, state, self._own, self._conf)
            else:
                every = min(_NUDGES_EVERY, self._conf.poll_every)
                nudge(address, self._conf)
        except Exception:
            logger.exception("%s could not be told", address)
        finally:
            connection.close()
            with self._wake:
                planned.telling = False
                planned.may_tell = time.monotonic() + every
                self._wake.notify()


def _settle(peer: Peer, finding: Finding) -> None:
    """Write down what was found, in the transaction under way."""
    if finding.alias_of and not health.is_protected(peer):
        if peer.source != Peer.Source.REGISTERED:
            Peer.objects.filter(pk=peer.pk).delete()
            return
    elif finding.alias_of not in (None, "", Peer.ITSELF):
        # The operator named this address: the other came by itself, and makes way.
        other = Peer.objects.exclude(source__in=health.PROTECTED)
        if other.filter(address=finding.alias_of).delete()[0]:
            finding.alias_of = ""
    note([finding], finding.switch)


def _is_behind(finding: Finding) -> bool:
    return finding.length is not None and finding.length < Tip.objects.get(pk=1).index


def _remember_named(named: list[str], limit: int) -> None:
    there = set(Peer.objects.filter(address__in=named).values_list("address", flat=True))
    fresh = [address for address in named if address not in there]
    if fresh:
        peers.register(fresh, limit, source=Peer.Source.BOOTSTRAP)


def _first_visit(row: Peer) -> float:
    """When to visit a peer this process has not met: now, unless it failed and is to wait."""
    now = time.monotonic()
    if not row.failure or row.next_visit_at is None:
        return now
    return now + max(0.0, (row.next_visit_at - timezone.now()).total_seconds())
