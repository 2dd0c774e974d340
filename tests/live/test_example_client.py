"""The example client in Python, as a program of its own, on a node that is killed meanwhile."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.processes import PROJECT

EXAMPLE = PROJECT / "docs" / "examples" / "live.py"
PATIENCE = 60


class Example:
    """The example running; `frames` are what it prints."""

    def __init__(self, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(EXAMPLE), *arguments], stdout=subprocess.PIPE, text=True
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, kind: str, count: int = 1) -> list[dict]:
        """The frames up to the one that is the so-many-th of its kind."""
        found = []
        while sum(frame["kind"] == kind for frame in found) < count:
            found.append(json.loads(self._lines.get(timeout=PATIENCE)))
        return found


def _send(node, *amounts):
    for amount in amounts:
        values = {"sender": "alice", "recipient": "bob", "amount": amount}
        assert node.post("/transactions/new", values).status_code == 201


@pytest.mark.long
def test_it_misses_nothing_though_the_node_is_killed_and_comes_back(node_process):
    node = node_process(difficulty=2)
    example = Example(node.url, "transactions", "address:bob")
    try:
        assert set(example.until("subscribed")[0]["states"]) == {"transactions", "address:bob"}
        _send(node, 1, 2)
        told = example.until("transaction", 2) + example.until("upto")
        node.kill()
        node.start()
        _send(node, 3, 4)
        node.get("/mine")
        told += example.until("block") + example.until("upto")
    finally:
        example.process.kill()
        example.process.wait()

    amounts = [frame["data"]["amount"] for frame in told if frame["kind"] == "transaction"]
    numbers = [frame["seq"] for frame in told if "at" in frame]
    assert amounts == ["1", "2", "3", "4"]
    assert numbers == sorted(set(numbers))
    assert "resumed" in {frame["kind"] for frame in told}, "it did not lose its connection"


def test_it_says_in_the_file_how_it_is_used():
    text = Path(EXAMPLE).read_text()
    assert "python live.py http://127.0.0.1:8000 blocks address:alice" in text
