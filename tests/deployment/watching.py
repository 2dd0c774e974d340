"""What a test asks of a topology, beside its clients."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import requests

from deploy.local import Part, Topology
from tests.processes import manage_py

from .clients import Miner, Writer

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


def assert_once_each(topology: Topology, writer: Writer, miner: Miner) -> None:
    """What was acknowledged is on the chain, each once, and so is each block that was answered.
    To be called when nobody writes any more; mines what is left in the pool."""
    wait_until(lambda: miner.mine() and pool(topology) == 0)
    found = chain(topology)
    confirmed = Counter(
        entry["recipient"]
        for block in found
        for entry in block["transactions"]
        if entry["sender"] != "0"
    )
    assert set(confirmed) == set(writer.acknowledged)
    assert set(confirmed.values()) == {1}
    blocks = {block["index"]: block for block in found}
    told = Counter(answer["index"] for answer in miner.mined)
    assert max(told.values()) == 1, "two were told of the same block"
    for answer in miner.mined:
        block = blocks[answer["index"]]
        for name in ("transactions", "proof", "previous_hash"):
            assert answer[name] == block[name]
    # A request that was cut off may have got its block, and nobody to tell; no other has.
    assert len(found) - 1 - len(told) <= miner.unanswered.total()
    assert_sound(topology)
    print(f"{len(confirmed)} transactions, of which {writer.retried} were sent again")
    print(f"{len(told)} blocks; asked in vain: {dict(miner.unanswered)}")


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
