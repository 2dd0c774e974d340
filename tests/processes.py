"""Nodes as real processes, for tests that kill them, talk over sockets, or open a browser."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import requests

PROJECT = Path(__file__).resolve().parent.parent
START_DEADLINE = 30.0


class NodeProcess:
    """`manage.py runnode` on a free port. `url` has no slash at its end."""

    def __init__(
        self,
        data: Path,
        *,
        dialect: str = "",
        difficulty: int | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        environment: dict[str, str] | None = None,
    ) -> None:
        self.data = data
        self.environment = {**os.environ, "CHAINSITE_DATA": str(data), **(environment or {})}
        self.environment.pop("CHAINSITE_DIALECT", None)
        if dialect:
            self.environment["CHAINSITE_DIALECT"] = dialect
        if difficulty is not None:
            self.environment["CHAINSITE_DIFFICULTY"] = str(difficulty)
        self.host = host
        self.port = port
        self.output: list[str] = []
        self.start()

    def start(self) -> None:
        """Start it, or start it again after it ended, and wait until it answers."""
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "runnode", "--host", self.host, "--port", str(self.port)],
            cwd=PROJECT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = []
        ready = threading.Event()
        threading.Thread(target=self._read, args=(ready,), daemon=True).start()
        if not ready.wait(START_DEADLINE) or "Ctrl-C" not in self.text:
            self.kill()
            raise RuntimeError(f"the node did not start:\n{self.text}")
        match = re.search(r"http://\S+:(\d+)/", self.text)
        assert match
        self.port = int(match[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._wait_for_answer()

    def _read(self, ready: threading.Event) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.output.append(line)
            if "Ctrl-C" in line:
                ready.set()
        ready.set()

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline:
            try:
                requests.head(f"{self.url}/chain", timeout=5)
            except requests.ConnectionError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError(f"the node does not answer:\n{self.text}")

    @property
    def text(self) -> str:
        """All it has printed."""
        return "".join(self.output)

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=options.pop("timeout", 60), **options)

    def post(self, path: str, json: Any, **options: Any) -> requests.Response:
        return requests.post(
            self.url + path, json=json, timeout=options.pop("timeout", 60), **options
        )

    def manage(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command beside it, in its data folder."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Ask it to stop; answer how many seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - begun
