"""The node as a process: what it prints, how it stops, what it keeps."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests import databases
from tests.processes import PROJECT, NodeProcess, node_in

Start = Callable[..., NodeProcess]


def test_it_says_where_and_who_it_is(node_process: Start) -> None:
    node = node_process(difficulty=2)
    assert f"http://127.0.0.1:{node.port}/" in node.text
    assert str(node.data) in node.text
    assert "seed, difficulty 2" in node.text
    identifier = node.get("/mine").json()["transactions"][-1]["recipient"]
    assert identifier in node.text


def test_it_is_started_from_a_shell(tmp_path: Path) -> None:
    """All other nodes of the tests are forked from a process that has the libraries loaded."""
    environment = {**os.environ, **node_in(tmp_path)}
    command = [sys.executable, "manage.py", "runnode", "--port", "0"]
    with subprocess.Popen(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True
    ) as node:
        try:
            assert node.stdout
            said = "".join(iter(node.stdout.readline, "Ctrl-C stops it.\n"))
            url = re.search(r"http://\S+/", said)
            assert url, said
            assert requests.get(url[0] + "chain", timeout=10).json()["length"] == 1
        finally:
            node.terminate()
        assert node.wait(10) == 0


def test_kill_9_and_a_new_start_keep_chain_pool_peers_and_identity(node_process: Start) -> None:
    node = node_process(difficulty=2)
    identifier = node.get("/mine").json()["transactions"][-1]["recipient"]
    node.post("/transactions/new", {"sender": "a", "recipient": "b", "amount": 5})
    node.get("/mine")
    node.post("/transactions/new", {"sender": "c", "recipient": "d", "amount": 6})
    peers = node.post("/nodes/register", {"nodes": ["127.0.0.1:64999"]}).json()["total_nodes"]
    before = node.get("/chain").text
    node.kill()
    assert node.process.returncode == -signal.SIGKILL
    node.start()
    assert node.get("/chain").text == before
    assert identifier in node.text
    again = node.post("/nodes/register", {"nodes": peers}).json()["total_nodes"]
    assert again == peers
    mined = node.get("/mine").json()["transactions"]
    assert mined[0] == {"sender": "c", "recipient": "d", "amount": 6}
    assert mined[-1]["recipient"] == identifier


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_within_five_seconds_in_the_middle_of_a_search(
    node_process: Start, number: int
) -> None:
    node = node_process(difficulty=12)
    failed: list[Exception] = []

    def ask() -> None:
        try:
            node.get("/mine")
        except requests.RequestException as error:
            failed.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    child = _wait_for_child(node)
    assert node.stop(number) < 5
    assert node.process.returncode == 0
    assert not _alive(child)
    asking.join(10)


def _wait_for_child(node: NodeProcess) -> int:
    """The process id of the search, once there is one."""
    for _ in range(200):
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                status = (folder / "stat").read_text()
                parent = int(status.rpartition(")")[2].split()[1])
                if (
                    parent == node.process.pid
                    and "mining.child" in (folder / "cmdline").read_text()
                ):
                    return int(folder.name)
        time.sleep(0.05)
    raise AssertionError("no search was started")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_data_folder_keeps_its_network(node_process: Start) -> None:
    node = node_process(difficulty=2)
    node.stop()
    with pytest.raises(RuntimeError, match="holds a node that speaks seed, difficulty 2"):
        node_process(data=node.data, dialect="dvf")


def test_a_taken_port_is_said_at_once(node_process: Start) -> None:
    node = node_process(difficulty=2)
    with pytest.raises(RuntimeError, match="cannot listen on"):
        node_process(port=node.port)


def test_a_broken_chain_is_not_served(node_process: Start) -> None:
    node = node_process(difficulty=2)
    for _ in range(3):
        node.get("/mine")
    node.stop()
    path = node.data / "chain.sqlite3"
    table = " ON ledger_block" if databases.server() else ""
    databases.rows(path, f"DROP TRIGGER ledger_block_refuses_update{table}")
    databases.rows(
        path,
        "UPDATE ledger_block SET canonical = replace(canonical, '\"amount\": 1', '\"amount\": 9')"
        ' WHERE "index" = 3',
    )
    with pytest.raises(RuntimeError, match=r"block 3: .*repairchain"):
        node.start()
    assert node.process.returncode == 1
    assert node.manage("repairchain").returncode == 0
    node.start()
    assert node.get("/chain").json()["length"] == 2


def test_a_command_beside_it_is_seen_by_it(node_process: Start) -> None:
    node = node_process(difficulty=2)
    done = node.manage("mine", "2")
    assert done.returncode == 0, done.stdout
    assert node.get("/chain").json()["length"] == 3
    assert node.manage("verifychain").returncode == 0


def test_two_nodes_live_side_by_side(node_process: Start) -> None:
    one, other = node_process(difficulty=2), node_process(difficulty=2)
    assert one.data != other.data
    for _ in range(2):
        other.get("/mine")
    one.post("/nodes/register", {"nodes": [other.url]})
    assert one.get("/nodes/resolve").json()["message"] == "Our chain was replaced"
    assert one.get("/chain").text == other.get("/chain").text


def test_the_secret_key_is_its_owners_alone(node_process: Start) -> None:
    node = node_process(difficulty=2)
    mode = (node.data / "secret-key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
