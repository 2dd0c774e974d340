"""What a test asks of a topology, beside its clients."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import requests

from deploy.local import Part, Topology
from tests.processes import manage_py

PATIENCE = 30.0


def token(topology: Topology) -> str:
    made = manage_py("token", "create", "tests", **topology.node_environment)
    return made.stdout.split()[-1]


def holder(topology: Topology) -> Part:
    """The worker that has the duties."""
    for part in topology.parts.values():
        if part.name.startswith("worker") and part.runs:
            checks = requests.get(f"{part.url}/readyz", timeout=10).json()["checks"]
            if checks["worker"]["reason"] == "this one":
                return part
    raise AssertionError("nobody has the duties")


def chain(topology: Topology) -> list[dict[str, Any]]:
    return requests.get(f"{topology.url}/chain", timeout=60).json()["chain"]


def crash(postgresql: Part) -> None:
    """As if its machine lost power, and came back: nothing is finished, what is there is replayed
    from the log."""
    postgresql.signal(signal.SIGQUIT)
    assert postgresql.process is not None
    postgresql.process.wait(PATIENCE)
    time.sleep(0.5)
    postgresql.start()
    postgresql.wait_until_ready()


def assert_sound(topology: Topology) -> None:
    checked = manage_py("verifychain", **topology.node_environment)
    assert checked.returncode == 0, checked.stdout


def webs(topology: Topology) -> list[Part]:
    return [part for part in topology.parts.values() if part.name.startswith("web")]


def events(topology: Topology) -> list[int]:
    """The numbers of all events there are. PostgreSQL leaves some out when it crashes."""
    query = "SELECT id FROM ledger_event ORDER BY id"
    if topology.database == "postgresql":
        with psycopg.connect(topology.node_environment["DATABASE_URL"]) as server:
            return [number for (number,) in server.execute(query)]
    with closing(sqlite3.connect(topology.folder / "data" / "chain.sqlite3")) as file:
        return [number for (number,) in file.execute(query)]


def newest(topology: Topology) -> int:
    page = requests.get(f"{topology.url}/?as=json", timeout=10).json()
    return page["seq"]


def pool(topology: Topology) -> int:
    page = requests.get(f"{topology.url}/?as=json", timeout=10).json()
    return page["pool"]["count"]


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    """An `AssertionError` in the condition counts as not yet."""
    begun = time.monotonic()
    while True:
        try:
            if condition():
                return
        except AssertionError:
            pass
        assert time.monotonic() - begun < seconds, "it did not come to that"
        time.sleep(0.2)
