"""Starting and stopping this node: what runs, in which order, and where to find it.

A process has at most one `Node`. The server opens it with `serving=True`, which checks the whole
chain first and refuses to go on with a broken one; commands open it without.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from . import identity, turns, verification
from .conf import NodeConf
from .errors import Damaged, NodeError
from .identity import Identity
from .node import ALL, WEB
from .node import Node as Node
from .shared import soundness
from .verification import Report

_current: Node | None = None
_verified: Report | None = None

_PATIENCE: Final = 600.0  # seconds for a worker to check the chain


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


def verify_texts(progress: Callable[[int, int], None] | None = None) -> Report:
    """Check the texts, hashes, links and proofs of the active chain, as of one moment."""
    return verification.verify_texts(progress)


def verify_or_refuse(progress: Callable[[int, int], None] | None = None) -> Report:
    """The same, but raise `Damaged`, naming every fault and its repair, if the chain is broken.

    What was found is known to the node's other processes from then on.
    """
    global _verified
    report = verify(progress)
    words = "\n".join(map(str, report.faults))
    soundness.tell_others(words)
    if not report.sound:
        first = next((f.index for f in report.faults if f.index is not None), None)
        raise Damaged(words, index=first)
    _verified = report
    return report


def verified() -> Report | None:
    """What `verify_or_refuse` found before this node started; None if it was not asked."""
    return _verified


def open_for_serving(
    progress: Callable[[int, int], None] | None = None,
    waiting: Callable[[str], None] | None = None,
) -> Node:
    """What the role in the settings asks of a process that serves: check the chain, or wait for a
    worker that has, and start. `waiting` gets what is waited for, if anything is.

    Raises `NodeError` where this process must not serve.
    """
    conf = NodeConf.from_settings()
    if conf.role == WEB:
        soundness.await_worker(_PATIENCE, waiting)
    else:
        prepare(conf)
        verify_or_refuse(progress)
    return start(conf, serving=True)


def start(conf: NodeConf | None = None, *, serving: bool = False) -> Node:
    """Start the node of this process. `serving` gives it the role that the settings say, and
    records the start as an event; commands do by themselves what they are asked for."""
    global _current
    if _current is not None:
        raise NodeError("this process runs a node already")
    conf = conf or NodeConf.from_settings()
    if not serving:
        conf = replace(conf, redis_url="")
    node = Node(prepare(conf), conf, conf.role if serving else ALL)
    node.start(serving=serving)
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
