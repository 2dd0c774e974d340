"""Nodes as processes: ours and the baseline, to be measured side by side."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import chains

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Running:
    """A node that runs: where it answers, its process, and its data folder if it has one."""

    url: str
    pid: int
    data: Path | None = None

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    def megabytes(self, of: str = "VmHWM") -> float:
        """Its memory at the most (or `VmRSS`: now)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        match = re.search(rf"{of}:\s+(\d+) kB", status)
        assert match
        return round(int(match[1]) / 1024, 1)

    def busy_since(self, begun: tuple[float, float]) -> float:
        """Cores its process used since then: `processor_seconds` and `time.perf_counter`."""
        used, now = self.processor_seconds(), time.perf_counter()
        return round((used - begun[0]) / (now - begun[1]), 3)

    def processor_seconds(self) -> float:
        """Seconds of a core that its process has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def forget_peak(self) -> None:
        """Begin anew with the most memory it had."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


def manage(data: Path, *arguments: str) -> str:
    """Run `manage.py` on a data folder; what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={**os.environ, "CHAINSITE_DATA": str(data)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@contextmanager
def _process(
    command: Sequence[str], environment: dict[str, str], data: Path | None = None
) -> Iterator[Running]:
    process = subprocess.Popen(
        command,
        cwd=PROJECT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        url = next(line for line in lines if "address" in line).split()[1].rstrip("/")
        yield Running(url, process.pid, data)
    finally:
        _end(process)


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def ours(data: Path, **settings: object) -> Iterator[Running]:
    """Our node on a data folder. `settings` without their CHAINSITE_."""
    environment = {f"CHAINSITE_{name}": str(value) for name, value in settings.items()}
    environment |= {"CHAINSITE_DATA": str(data)}
    environment.setdefault("CHAINSITE_NETWORKING", "manual")
    command = [sys.executable, "manage.py", "runnode", "--port", "0"]
    with _process(command, environment, data) as running:
        yield running


_SERVERS = {
    "uvicorn": ("--no-proxy-headers", "--no-server-header", "--no-access-log"),
    "granian": ("--interface", "asgi", "--workers", "1"),
}


@contextmanager
def elsewhere(server: str, data: Path, **settings: object) -> Iterator[Running]:
    """Our node under uvicorn or granian, as `docs/servers.md` has it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    manage(data, "migrate", "--verbosity", "0")
    environment = {f"CHAINSITE_{name}": str(value) for name, value in settings.items()}
    environment |= {"CHAINSITE_DATA": str(data), "CHAINSITE_PORT": str(port)}
    environment.setdefault("CHAINSITE_NETWORKING", "manual")
    command = [sys.executable, "-m", server, *_SERVERS[server], "--port", str(port)]
    command += ["chainsite.asgi:application"]
    process = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **environment})
    running = Running(f"http://127.0.0.1:{port}", process.pid, data)
    try:
        _wait_for(running)
        yield running
    finally:
        _end(process)


def _wait_for(running: Running) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", running.port)):
            return
        time.sleep(0.05)
    raise TimeoutError("it does not listen")


@contextmanager
def baseline(chain: Path | None = None) -> Iterator[Running]:
    """The article's node, with the chain in a file or a genesis."""
    command = [sys.executable, "-m", "bench.baseline_node", "--port", "0"]
    with _process([*command, *(["--chain", str(chain)] if chain else [])], {}) as running:
        yield running


class Chains:
    """Chains of `transactions` a block, each made once: as a file, and imported."""

    def __init__(self, folder: Path, transactions: int) -> None:
        self.folder = folder
        self._transactions = transactions

    def file(self, blocks: int) -> Path:
        path = self.folder / f"{blocks}x{self._transactions}.json"
        if not path.exists():
            chains.write(path, blocks, self._transactions)
        return path

    def data(self, blocks: int) -> Path:
        """A data folder that holds it; not to be written to."""
        path = self.folder / f"{blocks}x{self._transactions}"
        if not path.exists():
            manage(path, "importchain", str(self.file(blocks)))
        return path

    def copy(self, blocks: int, name: str) -> Path:
        """A data folder of its own."""
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self.data(blocks), path)
        return path

    def empty(self, name: str) -> Path:
        """A new node's."""
        path = self.folder / name
        shutil.rmtree(path, ignore_errors=True)
        return path
