"""Events by the long poll, on a node that is killed and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from ledger.client import Client, OtherHistory, Problem, Unreachable, asking
from tests.processes import NodeProcess

Start = Callable[..., NodeProcess]


def send(node: NodeProcess, *amounts: int) -> None:
    with Client(node.url) as client:
        for amount in amounts:
            client.submit("alice", "bob", amount)


@pytest.mark.long
def test_each_comes_once_and_in_order_though_the_node_is_killed(node_process: Start) -> None:
    node = node_process(difficulty=2)
    events = Client(node.url).events(0, wait=5)
    send(node, 1, 2)
    told = list(islice(events, 3))
    waiting = threading.Thread(target=lambda: told.extend(islice(events, 4)))
    waiting.start()
    node.kill()
    node.start()
    send(node, 3, 4)
    node.get("/mine")
    waiting.join(30)
    assert [one["kind"] for one in told] == [
        *("node", "transaction", "transaction"),
        *("node", "transaction", "transaction", "block"),
    ]
    assert [one["data"]["amount"] for one in told if one["kind"] == "transaction"] == [1, 2, 3, 4]
    numbers = [one["seq"] for one in told]
    assert numbers == sorted(set(numbers))


@pytest.mark.long
def test_another_node_in_its_place_is_noticed(node_process: Start, tmp_path: Path) -> None:
    node = node_process(difficulty=2)
    events = Client(node.url).events(0, wait=5)
    send(node, 1)
    told = list(islice(events, 2))
    assert told[1]["kind"] == "transaction"
    node.kill()
    other = node_process(difficulty=2, port=node.port)
    send(other, 1, 2)
    with pytest.raises(OtherHistory):
        next(events)


def test_without_a_number_they_begin_with_the_next(running: NodeProcess, client: Client) -> None:
    send(running, 1)
    events, told = client.events(), []
    waiting = threading.Thread(target=lambda: told.append(next(events)))
    waiting.start()
    while waiting.is_alive():
        send(running, 2)
        waiting.join(0.2)
    assert told[0]["data"]["amount"] == 2


def test_a_number_beyond_the_newest_is_of_another_node(client: Client) -> None:
    with pytest.raises(OtherHistory, match="before 1000000"):
        next(client.events(10**6, wait=0))


def test_what_is_refused_ends_them_and_so_does_nobody_there(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Problem) as refused:
        next(client.events(-1))
    assert refused.value.status == 422
    monkeypatch.setattr(asking, "_FIRST_WAIT", 0.02)
    with pytest.raises(Unreachable):
        next(Client("http://127.0.0.1:9", patience=0.1).events())
