"""Starting and stopping this node: what runs, in which order, and where to find it.

A process has at most one `Node`. The server opens it with `serving=True`, which checks the whole
chain first and refuses to go on with a broken one; commands open it without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from . import bulk, events, identity, turns, verification
from .conf import NodeConf
from .duties import Duties
from .errors import Damaged, NodeError
from .events import Listeners
from .identity import Identity
from .mempool import Door
from .mining import Miner
from .network.keeper import Keeper
from .network.progress import NetworkProgress
from .network.sync import Syncer
from .reading import Reader
from .verification import Report
from .work import OwnWork, Work
from .writer import Writer

_current: Node | None = None
_verified: Report | None = None


class Node:
    """The parts of a running node. Make one with `start`."""

    def __init__(self, own: Identity, conf: NodeConf) -> None:
        self.identity = own
        self.conf = conf
        self.started_at = time.time()
        self.committed = Listeners()
        self.reader = Reader()
        self.writer = Writer(self.committed)
        self.door = Door(own.network, transactions=conf.pool_transactions, size=conf.pool_bytes)
        self.duties = Duties(own, conf, self.writer, self.committed)
        self.work: Work = OwnWork(self.duties)

    @property
    def miner(self) -> Miner:
        return self.duties.miner

    @property
    def syncer(self) -> Syncer:
        return self.duties.syncer

    @property
    def keeper(self) -> Keeper:
        return self.duties.keeper

    @property
    def network(self) -> NetworkProgress:
        return self.duties.network

    def close(self) -> None:
        """Stop in an order in which nothing waits for what is gone already. Idempotent."""
        self.duties.close()
        self.writer.close()
        self.reader.close()


def prepare(conf: NodeConf | None = None) -> Identity:
    """Make sure that the data folder holds a node of the network asked for; answer who it is.

    Raises `NodeError` where the folder holds a node of another network.
    """
    conf = conf or NodeConf.from_settings()
    present = identity.load()
    network = identity.wanted_network(conf.dialect, conf.difficulty, present)
    if present is None:
        with turns.turn():
            present = identity.create(network)
        # Another process may have been faster, and have been asked for another network.
        identity.wanted_network(conf.dialect, conf.difficulty, present)
    return present


def verify(
    progress: Callable[[int, int], None] | None = None, *, last: int | None = None
) -> Report:
    """Check every invariant as of one moment; of the `last` blocks only, where that is a number."""
    return verification.verify_at_once(progress, last=last)


def verify_or_refuse(progress: Callable[[int, int], None] | None = None) -> Report:
    """The same, but raise `Damaged`, naming every fault and its repair, if the chain is broken."""
    global _verified
    report = verify(progress)
    if not report.sound:
        first = next((f.index for f in report.faults if f.index is not None), None)
        raise Damaged("\n".join(map(str, report.faults)), index=first)
    _verified = report
    return report


def verified() -> Report | None:
    """What `verify_or_refuse` found before this node started; None if it was not asked."""
    return _verified


def start(conf: NodeConf | None = None, *, serving: bool = False) -> Node:
    """Start the node of this process. `serving` records the start as an event."""
    global _current
    if _current is not None:
        raise NodeError("this process runs a node already")
    conf = conf or NodeConf.from_settings()
    node = Node(prepare(conf), conf)
    bulk.restore_indexes(node.writer)
    if serving:
        node.writer.run(lambda: events.record(events.NODE, identifier=node.identity.identifier))
        node.duties.start()
    _current = node
    return node


def stop() -> None:
    """Stop it, if it runs."""
    global _current, _verified
    node, _current, _verified = _current, None, None
    if node is not None:
        node.close()


def current() -> Node:
    """The running node. Raises `NodeError` if there is none."""
    if _current is None:
        raise NodeError("no node runs in this process")
    return _current


@contextmanager
def running(conf: NodeConf | None = None) -> Iterator[Node]:
    """A node for the time of a command."""
    node = start(conf)
    try:
        yield node
    finally:
        stop()


def is_running() -> bool:
    """Whether this process runs a node."""
    return _current is not None
