"""Asking one peer for its chain: an old one for all of it, one of our kind for what we lack."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import Final

from django.db import connection

from ledger.consensus import Network, Refused
from ledger.models import Block, Peer, Tip

from .. import branch as branches
from ..branch import Branch
from ..chainstate import Switch
from ..conf import NodeConf
from ..errors import MarkedInvalid, NodeError
from ..foreign_blocks import read_chain
from ..writer import Writer
from . import client
from .catch_up import CatchUp
from .findings import Finding

logger = logging.getLogger(__name__)

_LONGEST_TAG: Final = 200
_UNCHANGED: Final = 304


@dataclass(slots=True)
class Asked:
    """A finding, and the branch that came with it, if it was read and not adopted yet."""

    finding: Finding
    branch: Branch | None = None

    def refuse(self, error: Exception) -> None:
        self.finding.refuse(error)
        self.close()

    def close(self) -> None:
        if self.branch:
            self.branch.close()
            self.branch = None


@dataclass(frozen=True, slots=True)
class _Remembered:
    """The last chain of a peer that names its answers: it need not send the same one again."""

    tag: str
    length: int
    tip_hash: str
    fork_index: int


class Asker:
    """Safe from several threads, for one peer at a time."""

    def __init__(self, network: Network, writer: Writer, conf: NodeConf, catch_up: CatchUp) -> None:
        self._network = network
        self._writer = writer
        self._conf = conf
        self._catch_up = catch_up
        self._lock = threading.Lock()
        self._remembered: dict[str, _Remembered] = {}

    def ask(self, address: str, kind: str) -> Asked:
        """Whatever a peer does is in the answer, and never raised.

        What one of our kind has is adopted on the way; an old one's chain is for `adopt`.
        """
        asked = Asked(Finding(address))
        try:
            if kind == Peer.Kind.OURS:
                self._follow(asked.finding)
            else:
                self._read(asked)
        except (Refused, NodeError) as error:
            asked.refuse(error)
        except Exception as error:
            # Whatever a peer manages to provoke is that peer's failure, not ours.
            logger.exception("asking %s failed", address)
            asked.close()
            asked.finding.failure = f"asking it failed ({type(error).__name__})"
            asked.finding.fault = Peer.Fault.UNREACHABLE
        finally:
            connection.close()
        return asked

    def adopt(self, asked: Asked) -> Switch | None:
        """Adopt the branch that came, if it is preferred to our chain; None if it is not."""
        assert asked.branch is not None
        try:
            switch = branches.adopt(
                asked.branch,
                self._network,
                self._writer,
                Block.Origin.PEER,
                asked.finding.address,
            )
        except MarkedInvalid as error:
            asked.refuse(error)
            return None
        asked.finding.switch = switch
        return switch

    def _follow(self, finding: Finding) -> None:
        done = self._catch_up.run(finding.address)
        finding.length, finding.tip_hash = done.reached.index, done.reached.hash
        finding.fork_index, finding.latency = done.fork_index, done.latency
        finding.switch = done.switch
        finding.speaks = str(self._network)

    def _read(self, asked: Asked) -> None:
        finding = asked.finding
        remembered = self._still_good(finding.address)
        headers = {"If-None-Match": remembered.tag} if remembered else {}
        with client.ask(
            finding.address,
            policy=self._conf.peer_policy,
            deadline=self._conf.peer_deadline,
            headers=headers,
            accept=(200, _UNCHANGED) if remembered else (200,),
        ) as answer:
            finding.latency, finding.own_host = answer.latency, answer.own_host
            if remembered and answer.status == _UNCHANGED:
                finding.length, finding.tip_hash = remembered.length, remembered.tip_hash
                finding.fork_index = remembered.fork_index
                return
            branch = branches.spool(
                read_chain(answer.pieces, self._network, self._conf.caps, answer.wait)
            )
            tag = answer.headers.get("ETag", "")
        asked.branch = branch
        finding.length, finding.tip_hash = branch.length, branch.tip_hash
        finding.fork_index = branch.length - branch.count
        finding.speaks = str(self._network)
        self._remember(finding, tag)

    def _still_good(self, address: str) -> _Remembered | None:
        """Its last chain, unless we would follow it now: ours may have got shorter since."""
        with self._lock:
            remembered = self._remembered.get(address)
        if remembered is None:
            return None
        own = Tip.objects.get(pk=1).index
        return None if self._network.prefers(remembered.length, own) else remembered

    def _remember(self, finding: Finding, tag: str) -> None:
        sayable = tag.isascii() and tag.isprintable() and 0 < len(tag) <= _LONGEST_TAG
        with self._lock:
            self._remembered.pop(finding.address, None)
            if sayable and finding.length is not None:
                self._remembered[finding.address] = _Remembered(
                    tag, finding.length, finding.tip_hash, finding.fork_index
                )
