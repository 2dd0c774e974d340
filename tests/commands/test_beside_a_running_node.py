"""The operator's commands on the data folder of a node that serves: it hears of them at once."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from tests.processes import NodeProcess

PATIENCE = 20.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node with three blocks."""
    node = NodeProcess(tmp_path_factory.mktemp("operated"), difficulty=2)
    for _ in range(2):
        node.get("/mine")
    yield node
    node.kill()


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def told(node: NodeProcess) -> list[str]:
    """The acts that the page of the running node tells of."""
    news = node.get("/?as=json").json()["news"]
    return [one["data"]["act"] for one in news if one["kind"] == "operator"]


def test_an_invalidated_block_leaves_the_chain_it_serves(running: NodeProcess) -> None:
    digest = running.get("/mine").json()["previous_hash"]
    before = running.get("/chain").text
    done = running.manage("invalidateblock", digest)
    assert done.returncode == 0, done.stdout
    assert running.get("/chain").json()["length"] == 2
    assert told(running) == ["invalidate-block"]
    assert running.manage("reconsiderblock", digest).returncode == 0
    assert running.get("/chain").text == before
    again = running.manage("reconsiderblock", digest)
    assert again.returncode == 1
    assert again.stdout == "CommandError: neither block 3 nor its branch is marked invalid\n"


def test_a_backup_is_made_and_a_restore_refused(running: NodeProcess, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite3"
    over = threading.Event()
    accepted: list[int] = []

    def load() -> None:
        while not over.is_set():
            value = {"sender": "load", "recipient": "bob", "amount": len(accepted)}
            accepted.append(running.post("/transactions/new", value).status_code)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        done = running.manage("backup", str(target))
    finally:
        over.set()
        thread.join()
    assert done.returncode == 0, done.stdout
    assert "holds 4 blocks and was verified" in done.stdout
    assert set(accepted) == {201}
    with closing(sqlite3.connect(target)) as copy:
        (copied,) = copy.execute("SELECT COUNT(*) FROM ledger_transaction").fetchone()
    assert 0 < copied <= len(accepted), "nothing was written meanwhile"

    done = running.manage("restore", str(target))
    assert done.returncode == 1
    assert "stop it" in done.stdout
    assert running.get("/chain").json()["length"] == 4


def test_a_search_is_given_up(node_process: Callable[..., NodeProcess]) -> None:
    node = node_process(difficulty=12)
    answers: list[requests.Response] = []
    asking = threading.Thread(target=lambda: answers.append(node.get("/mine")))
    asking.start()
    wait(lambda: node.get("/?as=json").json()["mining"]["searching"] is not None)
    done = node.manage("cancelmining")
    assert done.returncode == 0, done.stdout
    asking.join(PATIENCE)
    assert [answer.status_code for answer in answers] == [503]
