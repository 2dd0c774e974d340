"""Naming one peer is enough: nodes introduce themselves, tell of others, and tell of news."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
from websockets import ConnectionClosed, Origin
from websockets.sync.client import ClientConnection, connect

from tests.processes import NodeProcess

from .automatic import address, agree, peers, rows, start, tip, until

pytestmark = pytest.mark.long

Three = tuple[NodeProcess, NodeProcess, NodeProcess]
WITHIN = 2.0  # seconds, as promised


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    """Three nodes; the second and the third were told of the first, and of nobody else."""
    folder = tmp_path_factory.mktemp("three")
    first = start(folder / "a", difficulty=2)
    others = [start(folder / name, difficulty=2, knows=address(first)) for name in ("b", "c")]
    nodes = (first, *others)
    yield nodes
    for node in nodes:
        node.kill()


def know_each_other(nodes: Three) -> bool:
    wanted = {address(node) for node in nodes}
    return all(peers(node) == dict.fromkeys(wanted - {address(node)}, "ours") for node in nodes)


def test_all_know_all(three: Three) -> None:
    until(lambda: know_each_other(three), 10, "that all know all")
    first, second, _ = three
    sources = dict(rows(first, "SELECT address, source FROM ledger_peer"))
    assert set(sources.values()) == {"introduced"}
    sources = dict(rows(second, "SELECT address, source FROM ledger_peer"))
    assert sources[address(first)] == "bootstrap"
    assert set(sources.values()) <= {"bootstrap", "introduced", "exchanged"}


def test_a_block_is_everywhere_within_two_seconds(three: Three) -> None:
    until(lambda: know_each_other(three), 10)
    for node in three:
        mined = node.get("/mine").json()["index"]
        until(lambda: agree(three), WITHIN, "that all agree")
        assert tip(three[0])[0] == mined


class Dashboard:
    """What a page on a node hears from now on."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._frames = queue.SimpleQueue[dict[str, Any]]()
        assert json.loads(socket.recv(5))["kind"] == "snapshot"
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with suppress(ConnectionClosed):
            for message in self._socket:
                self._frames.put(json.loads(message))

    def first(self, kind: str, deadline: float) -> dict[str, Any]:
        while (frame := self._frames.get(timeout=deadline - time.monotonic()))["kind"] != kind:
            pass
        return frame


@contextmanager
def dashboard_of(node: NodeProcess) -> Iterator[Dashboard]:
    url, origin = f"ws://{address(node)}/ws/", Origin(f"http://{address(node)}")
    with connect(url, origin=origin, proxy=None) as socket:
        yield Dashboard(socket)


def test_what_happens_at_one_is_on_the_dashboards_of_all(three: Three) -> None:
    until(lambda: know_each_other(three), 10)
    first, second, _ = three
    with ExitStack() as stack:
        dashboards = [stack.enter_context(dashboard_of(node)) for node in three]
        said = {"sender": "alice", "recipient": "bob", "amount": 41}
        uid = first.post("/transactions/new", said).json()["id"]
        deadline = time.monotonic() + WITHIN
        for dashboard in dashboards:
            assert dashboard.first("transaction", deadline)["data"]["id"] == uid
        mined = second.get("/mine").json()
        deadline = time.monotonic() + WITHIN
        assert said in mined["transactions"]
        for dashboard in dashboards:
            block = dashboard.first("block", deadline)["data"]
            assert (block["index"], block["confirmed"]) == (mined["index"], [uid])


def test_a_node_that_registers_itself_knows_itself(three: Three) -> None:
    first = three[0]
    own = f"localhost:{first.port}"
    assert first.post("/nodes/register", {"nodes": [own]}).status_code == 201
    found = "SELECT alias_of FROM ledger_peer WHERE address = ?"
    until(lambda: rows(first, found, own) == [("itself",)], 5, "that it sees itself")


def test_another_name_of_a_peer_is_recognised_and_not_asked(three: Three) -> None:
    first, second, _ = three
    until(lambda: know_each_other(three) or True, 10)
    other = f"localhost:{second.port}"
    assert first.post("/nodes/register", {"nodes": [other]}).status_code == 201
    found = "SELECT alias_of FROM ledger_peer WHERE address = ?"
    until(lambda: rows(first, found, other) == [(address(second),)], 15, "that it is recognised")


def test_a_node_that_was_killed_catches_up_when_it_is_back(three: Three) -> None:
    first, _, third = three
    until(lambda: agree(three), 10)
    third.kill()
    for _ in range(3):
        first.get("/mine")
    third.start()
    until(lambda: agree(three), 15, "that it is back")
    rows_of = rows(third, "SELECT COUNT(*) FROM ledger_reorganisation")
    assert rows_of[0][0] <= 1  # when it joined
