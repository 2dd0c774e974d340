"""A web process and a worker, as two nodes in this one process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.node.node import WEB, WORKER, Node

PATIENCE = 20.0


def reached(look: Callable[[], object]) -> object:
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)
    return found


@pytest.fixture
def open_node(ledger_db: Path, conf: NodeConf) -> Iterator[Callable[[str], Node]]:
    own = lifecycle.prepare(conf)
    opened: list[Node] = []

    def start(role: str) -> Node:
        opened.append(Node(own, conf, role))
        opened[-1].start(serving=True)
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.fixture
def worker(open_node: Callable[[str], Node]) -> Node:
    one = open_node(WORKER)
    reached(lambda: one.has_duties)
    return one


@pytest.fixture
def web(worker: Node, open_node: Callable[[str], Node]) -> Node:
    one = open_node(WEB)
    reached(lambda: not one.unattended())
    return one
