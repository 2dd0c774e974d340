"""Nodes as real processes, for tests that kill them, talk over sockets, or open a browser.

They are forked from a process that has the libraries loaded (`tests.preloaded`), for loading them
is most of a start. `tests/commands/test_runnode.py` also starts one from a shell.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import requests

from tests import databases

PROJECT = Path(__file__).resolve().parent.parent
START_DEADLINE = 30.0

_nursery = multiprocessing.get_context("forkserver")
_nursery.set_forkserver_preload(["tests.preloaded"])


def _become_manage(arguments: list[str], environment: dict[str, str], out: Connection) -> None:
    """In the new process: be `manage.py`, as if the shell had started it."""
    os.dup2(out.fileno(), 1)
    os.dup2(out.fileno(), 2)
    out.close()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(PROJECT)
    sys.path[0] = str(PROJECT)
    sys.argv = ["manage.py", *arguments]
    runpy.run_path("manage.py", run_name="__main__")


class ManageProcess:
    """`manage.py` with these arguments, running. `lines` is what it prints, on either stream."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        ours, theirs = _nursery.Pipe(duplex=False)
        self._process = _nursery.Process(
            target=_become_manage, args=(arguments, environment, theirs), daemon=True
        )
        self._process.start()
        theirs.close()
        self.lines = os.fdopen(os.dup(ours.fileno()))
        ours.close()

    @property
    def pid(self) -> int:
        assert self._process.pid
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs; minus the signal's number if one ended it."""
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int:
        """Raises `subprocess.TimeoutExpired`."""
        self._process.join(seconds)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("manage.py", seconds or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it ended, and nobody has looked yet
            if self.returncode is None:
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def manage_py(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end. What it writes on stderr is in `stdout`, too."""
    own = {**os.environ, **environment}
    if (data := environment.get("CHAINSITE_DATA")) and "DATABASE_URL" not in environment:
        own.update(_database_in(Path(data)))
    process = ManageProcess(list(arguments), own)
    text = process.lines.read()
    return subprocess.CompletedProcess(arguments, process.wait(120), text)


def node_in(data: Path) -> dict[str, str]:
    """What a process needs to know to be the node that has this data folder."""
    return {"CHAINSITE_DATA": str(data), **_database_in(data)}


def _database_in(data: Path) -> dict[str, str]:
    """The database of a node that has this data folder, made where it is on a server."""
    path = data / "chain.sqlite3"
    databases.make(path)
    return databases.environment(path)


template: Path | None = None
"""A migrated database without a node in it. New nodes begin with it: that is half of a start."""


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
        role: str = "all",
        environment: dict[str, str] | None = None,
    ) -> None:
        self.data = data
        # Peers are asked when a test says so, unless the test is about more than that.
        settings = {"CHAINSITE_DATA": str(data), "CHAINSITE_NETWORKING": "manual"}
        self.environment = {**os.environ, **settings, **(environment or {})}
        self.environment.pop("CHAINSITE_DIALECT", None)
        if dialect:
            self.environment["CHAINSITE_DIALECT"] = dialect
        if difficulty is not None:
            self.environment["CHAINSITE_DIFFICULTY"] = str(difficulty)
        if template is not None and not data.exists():
            data.mkdir(parents=True)
            databases.copy(template, data / "chain.sqlite3")
        self.environment.update(_database_in(data))
        self.host = host
        self.role = role
        self.port = port
        self.output: list[str] = []
        self.start()

    def start(self) -> None:
        """Start it, or start it again after it ended, and wait until it answers."""
        self.process = ManageProcess(
            ["runnode", "--host", self.host, "--port", str(self.port), "--role", self.role],
            self.environment,
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
        for line in self.process.lines:
            self.output.append(line)
            if "Ctrl-C" in line:
                ready.set()
        ready.set()

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline:
            try:
                requests.head(f"{self.url}/chain", timeout=5)
            except (requests.ConnectionError, requests.Timeout):
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

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside it, in its data folder."""
        return manage_py(*arguments, **self.environment)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM) -> float:
        """Ask it to stop; answer how many seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(30)
        return time.monotonic() - begun
