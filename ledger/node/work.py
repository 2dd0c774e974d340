"""The one door to what is done in one place for all who ask: a block, a round of asking peers.

Where a process does everything itself, these are its own duties (`OwnWork`). Who asks writes the
same lines where another process has them.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol, TypeVar

from ledger import consensus

from .duties import Duties
from .errors import NodeError
from .events import Listeners
from .mining import MiningState
from .network.progress import NetworkState
from .network.sync import Round
from .network.visit import News

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A block that was asked for.

    `accepted` is done once its turn will come, `block` once it is on the chain. Both raise
    `Overloaded` where too many wait, `Unattended` where nobody searches, and `Stopped`; `block`
    raises `MiningCancelled`, too. Cancel `block` to stop caring: nobody searches for it then.
    """

    accepted: Future[None]
    block: Future[consensus.Block]


class Work(Protocol):
    """Nothing here waits: for answers there are futures, and states are as they were last heard.

    Futures raise a `NodeError` for what was refused. `mining_changed` and `network_changed`
    listeners hear, from some thread, that the states moved.
    """

    mining_changed: Listeners
    network_changed: Listeners

    def mine(self) -> Asked:
        """Ask for a block."""

    def cancel_mining(self) -> Future[bool]:
        """Give up the search under way, and those that wait; whether there was any."""

    def resolve(self) -> Future[Round]:
        """Have all peers asked, or join the round under way. Shield it: others may wait, too."""

    def heard(self, news: News) -> None:
        """A peer announced something, or itself."""

    def mining(self) -> MiningState:
        """What the search has come to."""

    def network(self) -> NetworkState:
        """Whom this node catches up with."""

    def show_probe(self, token: str) -> Future[None]:
        """Remember for a minute that somebody showed this node a token."""

    def saw_probe(self, token: str) -> Future[bool]:
        """Whether somebody did."""


class OwnWork:
    """This process's own duties."""

    def __init__(self, duties: Duties) -> None:
        self._duties = duties
        self.mining_changed = duties.miner.changed
        self.network_changed = duties.network.changed

    def mine(self) -> Asked:
        try:
            return Asked(_done(None), self._duties.miner.mine())
        except NodeError as error:
            return Asked(_failed(error), _failed(error))

    def cancel_mining(self) -> Future[bool]:
        return _done(self._duties.miner.cancel())

    def resolve(self) -> Future[Round]:
        try:
            return self._duties.syncer.resolve()
        except NodeError as error:
            return _failed(error)

    def heard(self, news: News) -> None:
        self._duties.keeper.heard(news)

    def mining(self) -> MiningState:
        return self._duties.miner.state()

    def network(self) -> NetworkState:
        return self._duties.network.state()

    def show_probe(self, token: str) -> Future[None]:
        self._duties.keeper.probes.show(token)
        return _done(None)

    def saw_probe(self, token: str) -> Future[bool]:
        return _done(self._duties.keeper.probes.saw(token))


def _done(value: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(value)
    return future


def _failed(error: NodeError) -> Future[T]:
    future: Future[T] = Future()
    future.set_exception(error)
    return future
