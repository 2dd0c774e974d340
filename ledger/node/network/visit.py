"""One visit to one peer: who is it, what has it that we lack, and does it know us.

Everything is fetched from it here, whoever said that there is something to fetch.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ledger.consensus import Refused
from ledger.models import Block, Peer

from .. import chainstate
from ..conf import NodeConf
from ..errors import NodeError
from ..identity import Identity
from . import addresses, client, peers, recognition
from .asking import Asker
from .findings import Finding
from .pacing import PlaceTaken
from .recognition import Description, Position
from .relay import Puller

Saw = Callable[[str], bool]
"""Whether this node was shown a token lately."""

ADDRESSES: Final = "/api/v1/network/addresses"
REGISTER: Final = "/nodes/register"
_LOOK_EVERY: Final = 600.0  # seconds, for what an old peer has become
_EXCHANGE_EVERY: Final = 600.0
_FIRST_EXCHANGES: Final = 0.5  # doubled each time: a network that is joined together grows fast
_INTRODUCE_EVERY: Final = 3600.0
_TAKEN: Final = 16  # addresses from one peer at once


@dataclass(frozen=True, slots=True)
class News:
    """What a peer announced: where its chain ends, and the number of its pool's newest entry. A
    hint and no more: anybody can send one."""

    identifier: str
    address: str
    tip: Position
    newest: int


class Visits:
    """Safe from several threads, for one peer at a time."""

    def __init__(
        self, own: Identity, conf: NodeConf, asker: Asker, puller: Puller, saw: Saw
    ) -> None:
        self._own = own
        self._conf = conf
        self._asker = asker
        self._puller = puller
        self._saw = saw
        self._lock = threading.Lock()
        self._looked: dict[str, float] = {}
        self._exchanged: dict[str, float] = {}
        self._exchange_every: dict[str, float] = {}
        self._introduced: dict[str, float] = {}

    def visit(self, peer: Peer, news: News | None) -> tuple[Finding, list[str]]:
        """What was found, and addresses of others it named. Never raises for what a peer does."""
        try:
            # Of blocks that are here already, what was announced may have been invented.
            if news and peer.kind == Peer.Kind.OURS and not _is_stored(news.tip.hash):
                return self._after_news(peer, news), []
            return self._visit(peer)
        except (Refused, NodeError) as error:
            finding = Finding(peer.address)
            finding.refuse(error)
            return finding, []

    def meet(self, address: str, identifier: str) -> Description | None:
        """Who is there, if it is a node of our kind and network that we do not know yet, and has
        that identifier, if one is given. Raises `PlaceTaken`."""
        token = recognition.new_token()
        try:
            found = self._look(address, token)
        except PlaceTaken:
            raise
        except NodeError:
            return None
        if found is None or not found.is_of(self._own.network) or self._saw(token):
            return None
        if identifier and found.identifier != identifier:
            return None
        return None if self._same_as(address, found, token) else found

    def _own_address(self, own_host: str) -> str:
        """What to call ourselves towards a peer that we reached from that address of ours; '' where
        nobody could reach us by it."""
        if self._conf.public_address:
            return addresses.parse(self._conf.public_address)
        if not own_host or not self._conf.port:
            return ""
        if self._conf.host in _LOCAL and not own_host.startswith(("127.", "::1")):
            return ""
        host = f"[{own_host}]" if ":" in own_host else own_host
        return addresses.parse(f"{host}:{self._conf.port}")

    def _after_news(self, peer: Peer, news: News) -> Finding:
        """Straight to the blocks, which show who is there as well as any question."""
        finding = self._asker.ask(peer.address, Peer.Kind.OURS).finding
        if not finding.failure:
            self._pull(finding, peer, peer.identifier, news.newest)
        return finding

    def _visit(self, peer: Peer) -> tuple[Finding, list[str]]:
        if peer.kind == Peer.Kind.OLD and not self._is_time(
            self._looked, peer.address, _LOOK_EVERY
        ):
            return self._visit_old(peer), []
        token = recognition.new_token()
        found = self._look(peer.address, token)
        if found is None:
            return self._visit_old(peer), []
        finding = Finding(
            peer.address,
            kind=Peer.Kind.OURS,
            description=found,
            latency=found.latency,
            speaks=found.speaks,
            alias_of="",
        )
        if self._saw(token):
            finding.alias_of = Peer.ITSELF
            return finding, []
        finding.alias_of = self._same_as(peer.address, found, token)
        if finding.alias_of:
            return finding, []
        if not found.is_of(self._own.network):
            finding.failure = (
                f"speaks {found.speaks}; this node speaks {self._own.network}: chains cannot merge"
            )
            finding.fault = Peer.Fault.NETWORK
            return finding, []
        self._compare(finding, found)
        if not finding.failure:
            self._pull(finding, peer, found.identifier, found.newest)
        return finding, [] if finding.failure else self._addresses_of(peer.address)

    def _compare(self, finding: Finding, found: Description) -> None:
        """Follow its chain if its tip is news, or see where its tip stands in ours."""
        row = Block.objects.filter(hash=found.tip.hash).first()
        if row is None:
            followed = self._asker.ask(finding.address, Peer.Kind.OURS).finding
            finding.length, finding.tip_hash = followed.length, followed.tip_hash
            finding.fork_index, finding.switch = followed.fork_index, followed.switch
            finding.failure, finding.fault = followed.failure, followed.fault
            return
        finding.length, finding.tip_hash = row.index, row.hash
        finding.fork_index = chainstate.fork_index(row)

    def _pull(self, finding: Finding, peer: Peer, identifier: str, newest: int) -> None:
        """Fetch the transactions it knows and we do not."""
        told = peer.told if identifier == peer.identifier else 0
        try:
            pulled = self._puller.pull(peer.address, identifier, told, newest)
        except (Refused, NodeError) as error:
            finding.refuse(error)
            return
        if pulled is None:
            return
        if pulled.faults:
            finding.failure, finding.fault = pulled.faults[0][:300], Peer.Fault.INVALID
        finding.again, finding.told = pulled.is_behind, pulled.cursor.after

    def _visit_old(self, peer: Peer) -> Finding:
        asked = self._asker.ask(peer.address, Peer.Kind.OLD)
        try:
            if asked.branch is not None:
                self._asker.adopt(asked)
        finally:
            asked.close()
        finding = asked.finding
        finding.kind, finding.alias_of = Peer.Kind.OLD, ""
        if (
            not finding.failure
            and not peer.knows_us
            and self._is_time(self._introduced, peer.address, _INTRODUCE_EVERY)
        ):
            finding.knows_us = self._introduce(peer.address, finding.own_host)
        return finding

    def _introduce(self, address: str, own_host: str) -> bool:
        """Have an old node register us; whether it knows us now."""
        own = self._own_address(own_host)
        if not own:
            return False
        try:
            with client.ask(
                address,
                REGISTER,
                policy=self._conf.peer_policy,
                deadline=self._conf.peer_deadline,
                accept=(200, 201),
                json={"nodes": [f"http://{own}"]},
            ) as answer:
                known = client.read_json(answer).get("total_nodes")
        except NodeError:
            return False
        names = known if isinstance(known, list) else []
        return any(isinstance(name, str) and own in name for name in names)

    def _look(self, address: str, token: str) -> Description | None:
        return recognition.look(
            address, token, policy=self._conf.peer_policy, deadline=self._conf.peer_deadline
        )

    def _same_as(self, address: str, found: Description, token: str) -> str:
        """The address of a peer that is the same node, as it proves by having heard the token."""
        rows = (
            peers.asked_by_itself()
            .filter(identifier=found.identifier, kind=Peer.Kind.OURS)
            .exclude(address=address)
        )
        for other in rows.order_by("pk").values_list("address", flat=True)[:2]:
            if recognition.heard(
                other, token, policy=self._conf.peer_policy, deadline=self._conf.peer_deadline
            ):
                return str(other)
        return ""

    def _addresses_of(self, address: str) -> list[str]:
        every = self._exchange_every.get(address, _FIRST_EXCHANGES)
        if not self._is_time(self._exchanged, address, every):
            return []
        self._exchange_every[address] = min(_EXCHANGE_EVERY, every * 2)
        try:
            with client.ask(
                address,
                ADDRESSES,
                policy=self._conf.peer_policy,
                deadline=self._conf.peer_deadline,
            ) as answer:
                values: Any = client.read_json(answer).get("addresses")
        except NodeError:
            return []
        named = []
        for value in values if isinstance(values, list) else []:
            try:
                named.append(addresses.parse(value))
                addresses.check_literal(named[-1], self._conf.peer_policy)
            except addresses.AddressRefused:
                return []  # who names such has nothing better to name
        return list(dict.fromkeys(named))[:_TAKEN]

    def _is_time(self, last: dict[str, float], address: str, every: float) -> bool:
        now = time.monotonic()
        with self._lock:
            if now - last.get(address, -every) < every:
                return False
            last[address] = now
        return True


_LOCAL: Final = ("127.0.0.1", "localhost", "::1")


def _is_stored(digest: str) -> bool:
    return Block.objects.filter(hash=digest).exists()
