"""`manage.py runserver`, for people who expect it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.processes import PROJECT


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_the_node_answers_and_mines_under_runserver(tmp_path: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "runserver", f"127.0.0.1:{port}", "--noreload"],
        cwd=PROJECT,
        env={**os.environ, "CHAINSITE_DATA": str(tmp_path), "CHAINSITE_DIFFICULTY": "2"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
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
        process.terminate()
        process.wait(10)
