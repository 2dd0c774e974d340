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
from typing import Final

from django.db import connection
from django.utils import timezone

from ledger.consensus import Refused
from ledger.models import Block, Peer

from .. import branch as branches
from .. import events
from ..branch import Branch
from ..chainstate import Switch
from ..conf import NodeConf
from ..errors import MarkedInvalid, NodeError, Overloaded, Stopped, StorageFailed
from ..foreign_blocks import read_chain
from ..identity import Identity
from ..writer import Writer
from . import client, pacing
from .peers import active_addresses

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


@dataclass(slots=True)
class _Asked:
    address: str
    branch: Branch | None = None
    latency: float | None = None
    failure: str = ""
    fault: str = ""

    def refuse(self, error: Exception) -> None:
        self.failure = str(error)[:300]
        self.fault = _fault(error)
        if self.branch:
            self.branch.close()
            self.branch = None


class Syncer:
    """Asks the peers, one round at a time."""

    def __init__(self, identity: Identity, writer: Writer, conf: NodeConf) -> None:
        self._network = identity.network
        self._writer = writer
        self._conf = conf
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
            asked = self._ask_all(active_addresses())
            try:
                switch = self._adopt_best(asked)
            finally:
                for one in asked:
                    if one.branch:
                        one.branch.close()
            try:
                self._writer.run(lambda: _note(asked, switch))
            except (Overloaded, StorageFailed) as error:
                # The chain is what it is by now; only the peers' rows say nothing of this round.
                logger.warning("how the peers did could not be noted: %s", error)
            return Round(switch, tuple(_report(one) for one in asked))
        finally:
            connection.close()

    def _ask_all(self, addresses: list[str]) -> list[_Asked]:
        places = self._places = pacing.Round(addresses, self._places)

        def ask(address: str) -> _Asked:
            with places.asking(address):
                return self._ask(address)

        try:
            return list(self._askers.map(ask, addresses))
        except (RuntimeError, CancelledError):
            if self._closing:  # no thread was left to ask with
                raise Stopped(_STOPPING) from None
            raise

    def _ask(self, address: str) -> _Asked:
        asked = _Asked(address)
        try:
            with client.ask(
                address, policy=self._conf.peer_policy, deadline=self._conf.peer_deadline
            ) as answer:
                asked.latency = answer.latency
                asked.branch = branches.spool(
                    read_chain(answer.pieces, self._network, self._conf.caps, answer.wait)
                )
        except (Refused, NodeError) as error:
            asked.refuse(error)
        except Exception as error:
            # Whatever a peer manages to provoke is that peer's failure, not the round's.
            logger.exception("asking %s failed", address)
            asked.failure = f"asking it failed ({type(error).__name__})"
            asked.fault = Peer.Fault.UNREACHABLE
        finally:
            connection.close()
        return asked

    def _adopt_best(self, asked: list[_Asked]) -> Switch | None:
        """Adopt the longest branch that is preferred to ours; of equals, the first asked."""
        branched = [one for one in asked if one.branch]
        for one in sorted(branched, key=lambda one: -one.branch.length if one.branch else 0):
            assert one.branch is not None
            try:
                switch = branches.adopt(
                    one.branch, self._network, self._writer, Block.Origin.PEER, one.address
                )
            except MarkedInvalid as error:
                one.refuse(error)
                continue
            if switch:
                return switch
        return None


def _fault(error: Exception) -> str:
    if isinstance(error, MarkedInvalid):
        return Peer.Fault.MARKED
    if not isinstance(error, Refused):
        return Peer.Fault.UNREACHABLE
    return Peer.Fault.NETWORK if error.network else Peer.Fault.INVALID


def _shared(branch: Branch, switch: Switch | None) -> int:
    """How many blocks a branch has in common with our chain, as it is after the round.

    The branch was compared with the chain before; what the switch took away is not shared now.
    """
    if Block.objects.filter(hash=branch.tip_hash, active__isnull=False).exists():
        return branch.length
    before = branch.length - branch.count
    return before if switch is None else min(before, switch.fork_index)


def _note(asked: list[_Asked], switch: Switch | None) -> None:
    """Write down how each peer did, in the transaction under way."""
    now = timezone.now()
    for one in asked:
        peer = Peer.objects.filter(address=one.address)
        before = peer.values_list("failure", flat=True).first()
        if one.branch:
            peer.update(
                last_success_at=now,
                length=one.branch.length,
                tip_hash=one.branch.tip_hash,
                shared=_shared(one.branch, switch),
                latency=one.latency,
                failure="",
                fault="",
            )
        else:
            peer.update(
                last_failure_at=now, failure=one.failure, fault=one.fault, latency=one.latency
            )
            # The same news twice is no news, nor is what a peer does that was just removed.
            if before not in (None, one.failure):
                events.record(events.REFUSAL, peer=one.address, reason=one.failure)


def _report(one: _Asked) -> PeerReport:
    return PeerReport(one.address, one.branch.length if one.branch else None, one.failure)
