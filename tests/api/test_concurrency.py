"""Many writers and miners at once, against a node as a process: nothing is lost or counted twice.

The seed leaves a chain behind that its own validator rejects. Set CHAINSITE_TEST_SECONDS for
another length.
"""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests import databases
from tests.network.old_node import valid_chain
from tests.processes import NodeProcess

BEAT = 0.1  # the writers all ask at the same moments, which is the hardest for whoever is asked
SECONDS = float(os.environ.get("CHAINSITE_TEST_SECONDS", "30"))
WRITERS = 32
MINERS = 4

Transaction = tuple[str, str, int]


class Client:
    """One connection that is kept: what is measured is the node, not the handshakes."""

    def __init__(self, process: NodeProcess) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", process.port, timeout=60)

    def ask(self, method: str, path: str, value: Any = None) -> tuple[int, Any]:
        body = None if value is None else json.dumps(value)
        headers = {"Content-Type": "application/json"} if body else {}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status in (429, 503):
            assert int(answer.headers["Retry-After"]) >= 1
        return answer.status, json.loads(text) if answer.status in (200, 201) else text

    def close(self) -> None:
        self._connection.close()


@dataclass
class Told:
    """What the node told one client."""

    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: list[Transaction] = field(default_factory=list)
    mined: list[dict[str, Any]] = field(default_factory=list)
    error: BaseException | None = None


def write(process: NodeProcess, name: str, end: float) -> Told:
    told, client, number = Told(), Client(process), 0
    while time.monotonic() < end:
        number += 1  # no two are alike, so each can be found again
        value = {"sender": name, "recipient": "r", "amount": number}
        status, _ = client.ask("POST", "/transactions/new", value)
        told.statuses[status] += 1
        if status == 201:
            told.acknowledged.append((name, "r", number))
        time.sleep(BEAT - time.monotonic() % BEAT)
    client.close()
    return told


def mine(process: NodeProcess, name: str, end: float) -> Told:
    told, client = Told(), Client(process)
    while time.monotonic() < end:
        status, answer = client.ask("GET", "/mine")
        told.statuses[status] += 1
        if status == 200:
            told.mined.append(answer)
    client.close()
    return told


def at_once(*calls: Callable[[], Told]) -> list[Told]:
    """Run them in a thread each; what one of them raises is raised here."""
    results: list[Told] = []

    def run(call: Callable[[], Told]) -> None:
        try:
            results.append(call())
        except BaseException as error:
            results.append(Told(error=error))

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for told in results:
        if told.error is not None:
            raise told.error
    return results


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    process = NodeProcess(
        tmp_path_factory.mktemp("contended"),
        dialect="seed",
        difficulty=4,
        environment={"CHAINSITE_MINE_QUEUE": "2"},  # fewer than there are miners
    )
    yield process
    process.kill()


def test_every_acknowledged_transaction_and_block_is_there_exactly_once(
    process: NodeProcess,
) -> None:
    end = time.monotonic() + SECONDS
    everyone = at_once(
        *(lambda n=n: write(process, f"w{n}", end) for n in range(WRITERS)),
        *(lambda n=n: mine(process, f"m{n}", end) for n in range(MINERS)),
    )
    acknowledged = [one for told in everyone for one in told.acknowledged]
    mined = [block for told in everyone for block in told.mined]
    statuses = sum((told.statuses for told in everyone), Counter())
    print(f"{SECONDS:g} s: {dict(statuses)}, {len(mined)} blocks")  # shown where it fails

    assert set(statuses) <= {200, 201, 429, 503}
    assert len(acknowledged) > 20 * SECONDS
    assert len(mined) > SECONDS / 5

    chain = process.get("/chain").json()["chain"]
    assert len(chain) == 1 + len(mined), "every block that was answered, and no other"
    by_index = {block["index"]: block for block in chain}
    for block in mined:
        there = by_index[block["index"]]
        assert {key: there[key] for key in block if key != "message"} == {
            key: block[key] for key in block if key != "message"
        }
    assert len({block["index"] for block in mined}) == len(mined), "a block of its own for each"

    on_chain = Counter(
        (value["sender"], value["recipient"], value["amount"])
        for block in chain
        for value in block["transactions"]
        if value["sender"] != "0"
    )
    in_pool = Counter(pool(process))
    assert on_chain + in_pool == Counter(acknowledged)

    assert valid_chain(chain, dialect="seed", difficulty=4)
    assert statuses[429] + statuses[503] > 0, "there were more miners than places"
    assert max(group_sizes(process)) > 1, "writers met"
    checked = process.manage("verifychain")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.startswith(f"sound: {len(chain)} blocks on the active chain")


def query(process: NodeProcess, statement: str) -> list[Any]:
    return databases.rows(process.data / "chain.sqlite3", statement)


def pool(process: NodeProcess) -> list[Transaction]:
    return query(
        process,
        "SELECT sender, recipient, amount FROM ledger_transaction"
        " WHERE state IN ('pending', 'returned')",
    )


def group_sizes(process: NodeProcess) -> list[int]:
    """How many transactions were written together: they have their moment in common."""
    return [
        size
        for (size,) in query(
            process, "SELECT COUNT(*) FROM ledger_transaction GROUP BY submitted_at"
        )
    ]
