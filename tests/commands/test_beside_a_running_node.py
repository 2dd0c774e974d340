"""The operator's commands on the data folder of a node that serves: it hears of them at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests import databases
from tests.processes import NodeProcess

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node with three blocks."""
    node = NodeProcess(tmp_path_factory.mktemp("operated"), difficulty=2)
    for _ in range(2):
        node.get("/mine")
    yield node
    node.kill()


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
    assert ("restored into an empty one" if databases.server() else "stop it") in done.stdout
    assert running.get("/chain").json()["length"] == 4
