"""The nodes: each a process of its own, with a data folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import requests

_PROJECT: Final = Path(__file__).resolve().parent.parent
_NAMES: Final = "ABCDEFGHI"
_STOP_DEADLINE: Final = 6.0  # seconds; a node promises to stop within five
_ANSWER_DEADLINE: Final = 5.0
_APART: Final = {"DATABASE_URL": "", "REDIS_URL": ""}  # or they would all be processes of one node


class Node:
    """`runnode` on a port of its own, told of the nodes at `bootstrap`. `name` is a letter."""

    def __init__(
        self, name: str, folder: Path, port: int, bootstrap: str, settings: dict[str, str]
    ) -> None:
        self.name = name
        self.folder = folder
        self.address = f"127.0.0.1:{port}"
        self.url = f"http://{self.address}"
        folder.mkdir(parents=True, exist_ok=True)
        self._environment = {**os.environ, **_APART, "CHAINSITE_BOOTSTRAP": bootstrap}
        self._environment |= {"CHAINSITE_DATA": str(folder), "CHAINSITE_PORT": str(port)}
        if not (folder / "chain.sqlite3").exists():  # it is kept by the folder from then on
            self._environment |= settings
        self._process = self._manage("runnode")

    def _manage(self, *arguments: str) -> subprocess.Popen[bytes]:
        """A command in its folder. What it says goes to `node.log` there."""
        with (self.folder / "node.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=_PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for this process, which then stops them in order.
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def last_words(self) -> str:
        lines = (self.folder / "node.log").read_text("utf-8", "replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-8:])

    def ask(self, path: str, wait: float = _ANSWER_DEADLINE, **options: Any) -> dict[str, Any]:
        """A request to it. Raises `requests.RequestException`, also for a refusal."""
        method = "POST" if "json" in options else "GET"
        answer = requests.request(method, self.url + path, timeout=wait, **options)
        answer.raise_for_status()
        return dict(answer.json())

    def is_ready(self) -> bool:
        with suppress(requests.RequestException):
            return bool(self.ask("/readyz")["status"] == "ready")
        return False

    def known(self) -> set[str]:
        """The addresses of the peers it knows."""
        return {row["address"] for row in self.ask("/peers?as=json")["rows"]}

    def peers(self, act: str, others: Sequence[Node]) -> subprocess.Popen[bytes]:
        """Start the operator's command on these peers."""
        return self._manage("peers", act, *(other.address for other in others))

    def begin_to_stop(self) -> None:
        self._process.terminate()

    def stop(self, deadline: float) -> None:
        """Wait until it is gone; end it, with all that it started, when `deadline` is over."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if os.name != "nt":
            with suppress(ProcessLookupError, PermissionError):  # none is left: so it should be
                os.killpg(self._process.pid, signal.SIGKILL)


@contextmanager
def started(count: int, folder: Path | None, settings: dict[str, str]) -> Iterator[list[Node]]:
    """Nodes, each but the first told of the one before it. At the end they are gone, and so is
    their folder, unless one is named. Whether they are ready is another matter."""
    with ExitStack() as stack:
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="chainsite-network-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        nodes: list[Node] = []
        stack.callback(_stop_all, nodes)
        ports = _ports(count, folder)
        for name, port in zip(_NAMES, ports, strict=False):
            bootstrap = nodes[-1].address if nodes else ""
            nodes.append(Node(name, folder / name, port, bootstrap, settings))
        yield nodes


def _stop_all(nodes: list[Node]) -> None:
    for node in nodes:
        node.begin_to_stop()
    deadline = time.monotonic() + _STOP_DEADLINE
    for node in nodes:
        node.stop(deadline)


def _ports(count: int, folder: Path) -> list[int]:
    """Free ports: those of the last time, if it was as many nodes and they are free, for these are
    what the nodes know each other by."""
    file = folder / "ports.json"
    with suppress(OSError, ValueError):
        ports = [int(port) for port in json.loads(file.read_text("utf-8"))]
        if len(ports) == count:
            return _taken(ports)
    ports = _taken([0] * count)
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(ports), "utf-8")
    return ports


def _taken(wanted: list[int]) -> list[int]:
    """The ports got by asking for these, all held at once so that each is another one.

    Raises `OSError` where one is not free.
    """
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in wanted]
        for one, port in zip(held, wanted, strict=True):
            if os.name != "nt":  # or a port that was used a moment ago counts as taken
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("127.0.0.1", port))
        return [one.getsockname()[1] for one in held]
