"""kill -9 of `manage.py runnode` under load, at any time: every answer it gave still holds."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import databases
from tests.processes import NodeProcess

from .audit import Promises
from .conftest import seed_of_this_run
from .zygote import Zygote

Start = Callable[..., NodeProcess]

WRITERS = 4
MINERS = 2


class Load:
    """Clients that send and mine until the node is gone, and remember what they were told."""

    def __init__(self, url: str, promises: Promises, life: int) -> None:
        self.url = url
        self.promises = promises
        self.mined: list[dict[str, Any]] = []
        self._life = life
        self._lock = threading.Lock()
        targets = [self._send] * WRITERS + [self._mine] * MINERS
        self._threads = [
            threading.Thread(target=target, args=(number,)) for number, target in enumerate(targets)
        ]
        for thread in self._threads:
            thread.start()

    def wait_until_told(self) -> None:
        """Of a transaction and of a block, so that there is something to keep at the kill."""
        deadline = time.monotonic() + 60
        while not (self.mined and self.promises.acknowledged):
            assert time.monotonic() < deadline, "the load never got an answer"
            time.sleep(0.01)

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _send(self, number: int) -> None:
        with requests.Session() as session, pytest.raises(requests.RequestException):
            while True:
                self._send_one(session, number)

    def _send_one(self, session: requests.Session, number: int) -> None:
        with self._lock:
            amount = self.promises.tried.total()
            content = (f"life {self._life} client {number}", "somebody", amount)
            self.promises.tried[content] += 1
        value = dict(zip(("sender", "recipient", "amount"), content, strict=True))
        answer = session.post(f"{self.url}/transactions/new", json=value, timeout=60)
        if answer.status_code == 201:
            with self._lock:
                self.promises.acknowledged[answer.json()["id"]] = content

    def _mine(self, _number: int) -> None:
        with requests.Session() as session, pytest.raises(requests.RequestException):
            while True:
                answer = session.get(f"{self.url}/mine", timeout=60)
                if answer.status_code == 200:
                    with self._lock:
                        self.mined.append(answer.json())


def blocks_in(path: Path) -> dict[tuple[int, int, str], str]:
    """The active blocks by what `/mine` says of them, with their hashes."""
    query = """
        SELECT b.hash, b.canonical FROM ledger_block b
        JOIN ledger_activeblock a ON a.block_id = b.id
    """
    blocks = [(digest, json.loads(text)) for digest, text in databases.rows(path, query)]
    return {(b["index"], b["proof"], str(b["previous_hash"])): digest for digest, b in blocks}


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Zygote]:
    with Zygote(tmp_path / "zygote") as zygote:
        yield zygote


def kill_in_many_lives(node_process: Start, zygote: Zygote, lives: int) -> None:
    dice = random.Random(seed_of_this_run())
    node = node_process(dialect="seed", difficulty=2)
    path = node.data / "chain.sqlite3"
    promises = Promises()
    for life in range(lives):
        load = Load(node.url, promises, life)
        load.wait_until_told()
        time.sleep(dice.uniform(0.2, 1.2))
        assert node.process.returncode is None, node.text
        node.kill()
        assert node.process.returncode == -9
        load.wait()
        kept = blocks_in(path)
        for block in load.mined:
            key = (block["index"], block["proof"], str(block["previous_hash"]))
            assert key in kept, f"block {key} was acknowledged in life {life}"
            promises.blocks.add(kept[key])
        inspected = zygote.run("inspect", path=str(path), promises=promises.to_json())
        assert inspected.result() == [], f"life {life}"
        node.start()
    assert promises.acknowledged, "the load never got an answer"
    assert promises.blocks, "nothing was mined"
    print(
        f"{lives} kills, {len(promises.acknowledged)} transactions, {len(promises.blocks)} blocks"
    )


def test_a_node_killed_under_load_starts_again_and_keeps_its_word(
    node_process: Start, zygote: Zygote
) -> None:
    kill_in_many_lives(node_process, zygote, lives=3)


@pytest.mark.slow
def test_a_node_killed_many_times_keeps_its_word(node_process: Start, zygote: Zygote) -> None:
    kill_in_many_lives(node_process, zygote, lives=40)
