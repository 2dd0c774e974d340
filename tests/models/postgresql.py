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


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    path = found[-1] if found else shutil.which("initdb")
    if path is None:
        reason = "there is no PostgreSQL server: initdb is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(path).parent


@contextmanager
def server() -> Iterator[dict[str, str]]:
    """Start one that listens on a socket in its own folder; what Django needs to find it."""
    programs = _programs()
    user = "postgres" if os.geteuid() == 0 else None  # it does not run as root
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path must be short
    if user is not None:
        shutil.chown(folder, user)
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        command = [str(programs / program), "-D", str(data), *arguments]
        subprocess.run(command, user=user, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    try:
        run("initdb", "-A", "trust", "-U", "chainsite", "--no-sync", "-E", "UTF8", "--locale=C")
        run("pg_ctl", "-w", "-o", f"-c listen_addresses= -c fsync=off -k {folder}", "start")
        try:
            yield {"NAME": "postgres", "USER": "chainsite", "HOST": str(folder), "PORT": ""}
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
