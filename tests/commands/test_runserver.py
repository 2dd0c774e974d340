"""`manage.py runserver`, for people who expect it."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import requests

from tests.processes import ManageProcess, node_in


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_node_answers_and_mines_under_runserver(tmp_path: Path) -> None:
    port = free_port()
    process = ManageProcess(
        ["runserver", f"127.0.0.1:{port}", "--noreload"],
        {**os.environ, **node_in(tmp_path), "CHAINSITE_DIFFICULTY": "2"},
    )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                requests.head(url + "/chain", timeout=5)
                break
            except requests.ConnectionError:
                time.sleep(0.05)
        assert requests.get(url + "/mine", timeout=30).json()["index"] == 2
        assert requests.get(url + "/", timeout=30).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)
