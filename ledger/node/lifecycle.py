"""Starting and stopping this node: what runs, in which order, and where to find it.

A process has at most one `Node`. The server opens it with `serving=True`, which checks the whole
chain first and refuses to go on with a broken one; commands open it without.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from django.db import transaction

from ledger.models import Peer

from . import events, identity, verification
from .conf import NodeConf
from .errors import Damaged, NodeError
from .events import Listeners
from .identity import Identity
from .mempool import Door
from .mining import Miner
from .network.asking import Asker
from .network.catch_up import CatchUp
from .network.discovery import Discovery
from .network.keeper import Keeper
from .network.progress import NetworkProgress
from .network.sync import Syncer
from .reading import Reader
from .relayed import Intake
from .verification import Report
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
        self.miner = Miner(
            own, self.writer, self.committed, queue=conf.mine_queue, cores=conf.mining_cores
        )
        self.network = NetworkProgress()
        self.catch_up = CatchUp(own.network, self.writer, conf, self.network)
        asker = Asker(own.network, self.writer, conf, self.catch_up)
        self.syncer = Syncer(asker, self.writer, conf, self.network)
        pool = {"transactions": conf.pool_transactions, "size": conf.pool_bytes}
        self.door = Door(own.network, **pool)
        self.intake = Intake(own.network, **pool)
        self.keeper = Keeper(
            own, conf, asker, self.intake, self.writer, self.committed, self.network
        )

        found = partial(self.keeper.meet, source=Peer.Source.DISCOVERED)
        self.discovery = Discovery(own, conf, found)

    def close(self) -> None:
        """Stop in an order in which nothing waits for what is gone already. Idempotent."""
        self.discovery.close()
        self.keeper.close()
        self.syncer.close()
        self.network.close()
        self.miner.close()
        self.writer.close()
        self.reader.close()
        self.catch_up.close()


def prepare(conf: NodeConf | None = None) -> Identity:
    """Make sure that the data folder holds a node of the network asked for; answer who it is.

    Raises `NodeError` where the folder holds a node of another network.
    """
    conf = conf or NodeConf.from_settings()
    present = identity.load()
    network = identity.wanted_network(conf.dialect, conf.difficulty, present)
    if present is None:
        with transaction.atomic():
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
    if serving:
        node.writer.run(lambda: events.record(events.NODE, identifier=node.identity.identifier))
        if conf.is_automatic:
            node.keeper.start()
            node.discovery.start()
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
