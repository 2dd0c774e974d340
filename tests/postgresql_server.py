"""A PostgreSQL server of the tests' own, where the system has the programs for one."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PATIENT = "-c listen_addresses= -c max_connections=200 -c shared_buffers=64MB -c wal_level=minimal"
_SMALL = "-c max_wal_senders=0 -c max_wal_size=256MB -c autovacuum_naptime=1h"


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = found[-1] if found else shutil.which("initdb")
    if path is None:
        reason = "there is no PostgreSQL server: initdb is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(path).parent


class Server:
    """It listens on a socket in `folder`, where all of it is; everybody on this machine may enter.

    It flushes as it must to keep its word: the folder is in memory where there is room for that.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._programs = _programs()
        self._user = "postgres" if os.geteuid() == 0 else None  # it does not run as root
        if self._user is not None:
            shutil.chown(folder, self._user)

    def make(self) -> None:
        self._run(
            *("initdb", "-A", "trust", "-U", "chainsite", "--no-sync"),
            *("-E", "UTF8", "--locale=C"),
        )

    def start(self, options: str = "") -> None:
        words = f"{_PATIENT} {_SMALL} -k {self.folder} {options}"
        self._run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", words, "start")

    def stop(self, mode: str = "immediate") -> None:
        """`immediate`: as a crash, without a last checkpoint."""
        self._run("pg_ctl", "-w", "-m", mode, "stop")

    def crashes(self) -> int:
        """How often it started on what a crash had left."""
        text = (self.folder / "log").read_text(errors="replace")
        return text.count("database system was not properly shut down")

    @property
    def place(self) -> dict[str, str]:
        """What Django needs to find it."""
        return {"NAME": "postgres", "USER": "chainsite", "HOST": str(self.folder), "PORT": ""}

    def _run(self, program: str, *arguments: str) -> None:
        command = [
            *(str(self._programs / program), "-D", str(self.folder / "data")),
            *arguments,
        ]
        environment = {**os.environ, "TZ": "UTC", "LC_ALL": "C"}
        subprocess.run(
            command,
            user=self._user,
            cwd=self.folder,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )


@contextmanager
def server() -> Iterator[Server]:
    """A server that runs meanwhile."""
    _programs()  # before there is anything to clean up
    # A socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    try:
        own = Server(folder)
        own.make()
        own.start()
        try:
            yield own
        finally:
            own.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
