"""`dev.py network`: nodes that find each other, are cut apart, healed, and leave nothing behind."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.processes import PROJECT

pytestmark = pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="processes are looked up")

PATIENCE = 60.0


class Running:
    """`python -m demo`, as dev.py starts it, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.text = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.text += line

    def until(self, condition: Callable[[], Any]) -> Any:
        """What the condition answers as soon as that is something."""
        end = time.monotonic() + PATIENCE
        while not (answer := condition()):
            assert time.monotonic() < end, f"waited in vain:\n{self.text}"
            time.sleep(0.05)
        return answer

    def said(self, pattern: str) -> re.Match[str]:
        found: re.Match[str] = self.until(lambda: re.search(pattern, self.text, re.MULTILINE))
        return found


@contextmanager
def network(folder: Path, **options: Any) -> Iterator[Running]:
    given = {"count": 3, "data": None, "dialect": "seed", "difficulty": 2, "mine_every": 1.0}
    given |= {"partition": False} | options
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", json.dumps(given)],
        cwd=PROJECT,
        env={
            **os.environ,
            "TMPDIR": str(folder),
            "CHAINSITE_DIFFICULTY": "2",
            "DATABASE_URL": "postgresql://127.0.0.1:9/of_another_node",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Running(process)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            for pid in in_folder(folder):
                os.kill(pid, signal.SIGKILL)


def in_folder(folder: Path) -> list[int]:
    """The processes that were started with something in this folder, or by one that was."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            environment = (process / "environ").read_bytes().split(b"\0")
            if f"TMPDIR={folder}".encode() in environment:
                found.append(int(process.name))
    return found


def paused(database: Path) -> set[str]:
    """The peers that the operator of this node has paused."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("SELECT address FROM ledger_peer WHERE standing = 'paused'")
        return {address for (address,) in rows.fetchall()}


@pytest.mark.long
def test_they_know_each_other_are_cut_apart_and_healed_and_leave_nothing(
    migrated: Path, tmp_path: Path
) -> None:
    databases = {name: tmp_path / name / "chain.sqlite3" for name in "ABC"}
    for database in databases.values():  # with tables in it, which is half of a start
        database.parent.mkdir()
        shutil.copy(migrated, database)
    with network(tmp_path, data=str(tmp_path), partition=True) as running:
        running.said("Ctrl-C stops them")
        urls = dict(re.findall(r"^  ([ABC])  (http://127\.0\.0\.1:\d+)/$", running.text, re.M))
        addresses = {name: url.removeprefix("http://") for name, url in urls.items()}
        assert addresses.keys() == databases.keys()

        def known(name: str) -> set[str]:
            rows = requests.get(f"{urls[name]}/peers?as=json", timeout=10).json()["rows"]
            return {row["address"] for row in rows}

        others = {name: set(addresses.values()) - {addresses[name]} for name in addresses}
        running.until(lambda: all(known(name) == others[name] for name in urls))

        sides = [side.split(", ") for side in running.said(r"cut: (.*)$")[1].split(" | ")]
        for side, other in (sides, sides[::-1]):
            for name in side:
                assert paused(databases[name]) == {addresses[far] for far in other}
        running.said("mined block")
        running.said("healed")
        assert not any(map(paused, databases.values()))
        running.said(
            r"reorganised: \d+ left its chain, \d+ came; see http://\S+/reorganisation/\d+"
        )
        running.said(r"A, B, C at \d+ ")
        running.said("took a transaction")

        assert len(in_folder(tmp_path)) >= 4
        (victim,) = [
            pid
            for pid in in_folder(tmp_path)
            if f"CHAINSITE_DATA={tmp_path}/C".encode() in Path(f"/proc/{pid}/environ").read_bytes()
            and b"runnode" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]
        os.kill(victim, signal.SIGKILL)
        running.said(r"C is gone \(exit code -9\)")
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) == 0, running.text
    assert in_folder(tmp_path) == []
    assert all(database.exists() for database in databases.values())
    assert json.loads((tmp_path / "ports.json").read_text()) == [
        int(address.split(":")[1]) for address in addresses.values()
    ]


def test_nodes_that_do_not_start_are_said_and_no_folder_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHAINSITE_PEERS", "many")
    with network(tmp_path, count=2) as running:
        assert running.process.wait(30) == 1
        running.said("did not start:\n.*CHAINSITE_PEERS must be a whole number")
    assert in_folder(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
