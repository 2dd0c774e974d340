"""The application under servers that are not ours (docs/servers.md)."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import requests
from websockets.sync.client import connect

from tests import databases
from tests.processes import PROJECT, NodeProcess, node_in

DOCUMENT = (PROJECT / "docs" / "servers.md").read_text()
PATIENCE = 30.0


def _documented(server: str, *, workers: bool = False) -> list[str]:
    """The command that the document gives, without its port."""
    commands = re.findall(rf"python (-m {server} (?:[^\\\n]|\\\n)*)\n", DOCUMENT)
    (found,) = (text for text in commands if ("--workers" in text) is workers)
    words = str(found).replace("\\\n", " ").split()
    at = words.index("--port")
    return [*words[:at], *words[at + 2 :]]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def _serving(
    words: list[str], data: Path, **more: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    port = _free_port()
    own = {"DATA": data, "PORT": port, "DIFFICULTY": 2, "NETWORKING": "manual", **more}
    environment = {**os.environ, **{f"CHAINSITE_{name}": str(own[name]) for name in own}}
    environment.update(node_in(data))
    command = [sys.executable, *words, "--port", str(port)]
    running = subprocess.Popen(command, cwd=PROJECT, env=environment, start_new_session=True)
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE
    try:
        while True:
            assert running.poll() is None, "it did not start"
            assert time.monotonic() < deadline
            with suppress(requests.ConnectionError):
                requests.get(f"{url}/healthz", timeout=PATIENCE)
                break
            time.sleep(0.05)
        yield running, url
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)  # with the processes it started
        running.wait()


@pytest.fixture(scope="module", params=["uvicorn", "granian"])
def process(
    request: pytest.FixtureRequest, migrated: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    data = tmp_path_factory.mktemp(request.param)
    databases.copy(migrated, data / "chain.sqlite3")
    with _serving(_documented(request.param), data) as found:
        yield found


@pytest.fixture(scope="module")
def url(process: tuple[subprocess.Popen[bytes], str]) -> str:
    return process[1]


def test_it_takes_transactions_mines_them_and_tells_of_both(url: str) -> None:
    with connect(f"{url.replace('http', 'ws')}/ws/", origin=url) as client:
        assert json.loads(client.recv(PATIENCE))["kind"] == "snapshot"
        value = {"sender": "a", "recipient": "밥", "amount": 1}
        sent = requests.post(f"{url}/transactions/new", json=value, timeout=PATIENCE)
        mined = requests.get(f"{url}/mine", timeout=PATIENCE)
        kinds = []
        while "block" not in kinds:
            kinds.append(json.loads(client.recv(PATIENCE))["kind"])

    assert sent.status_code == 201
    assert mined.json()["transactions"][0] == value
    assert "transaction" in kinds
    chain = requests.get(f"{url}/chain", timeout=PATIENCE).json()
    assert chain["length"] == len(chain["chain"]) == 2


def test_a_body_that_is_too_large_is_refused_while_it_comes(url: str) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(16 * 1024)

    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), PATIENCE) as raw:
        raw.sendall(
            b"POST /transactions/new HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n"
        )
        with suppress(ConnectionError):
            for _, piece in zip(range(16), endless(), strict=False):
                raw.sendall(piece)
        assert raw.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_other_hosts_and_origins_are_refused(url: str) -> None:
    answer = requests.get(f"{url}/chain", headers={"Host": "evil.example"}, timeout=PATIENCE)
    assert answer.status_code == 400
    with pytest.raises(Exception, match="403"):
        connect(f"{url.replace('http', 'ws')}/ws/", origin="http://evil.example")


def test_who_says_that_it_was_forwarded_is_not_on_this_machine(url: str) -> None:
    """uvicorn would put the address that the header names in place of the connection's."""
    forged = {"X-Forwarded-For": "127.0.0.1"}
    assert requests.get(f"{url}/metrics", timeout=PATIENCE).status_code == 200
    assert requests.get(f"{url}/metrics", headers=forged, timeout=PATIENCE).status_code == 401


def test_the_node_stops_with_the_server(process: tuple[subprocess.Popen[bytes], str]) -> None:
    running, _url = process
    running.send_signal(signal.SIGTERM)
    assert running.wait(PATIENCE) in (0, -signal.SIGTERM)


@pytest.mark.parametrize("server", ["uvicorn", "granian"])
def test_several_processes_of_it_serve_one_node(
    server: str, node_process: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    worker = node_process(data=tmp_path, difficulty=2, role="worker")
    words = _documented(server, workers=True)
    assert words[words.index("--workers") + 1] == "2"
    with _serving(words, tmp_path, ROLE="web") as (_, url):
        mined = [requests.get(f"{url}/mine", timeout=PATIENCE) for _ in range(4)]
        assert [answer.json()["index"] for answer in mined] == [2, 3, 4, 5]
        lengths = {
            requests.get(f"{url}/chain", headers={"Connection": "close"}, timeout=PATIENCE).json()[
                "length"
            ]
            for _ in range(6)
        }
        assert lengths == {5}
    assert worker.get("/chain").status_code == 404, "it has its instruments alone"
    assert worker.get("/readyz").json()["checks"]["worker"]["reason"] == "this one"
