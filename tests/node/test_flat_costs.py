"""What a node does all the time costs the same on a long chain as on a short one.

Counted are the steps of SQLite's machine: time would tell of the test's machine instead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection, transaction

from ledger.node import lifecycle, mempool, pool_count, relayed, sealing
from ledger.node.conf import NodeConf
from ledger.node.network import announcing, serving
from ledger.node.overview import now, overview

from . import chains
from .chains import NETWORK

pytestmark = pytest.mark.sqlite("the steps of its machine are counted, and its plans read")

SHORT, LONG = 12, 400  # blocks
GRAIN = 20  # steps


@contextmanager
def steps() -> Iterator[Callable[[], int]]:
    """How many steps the database of this thread has taken since."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += GRAIN
        return 0

    connection.ensure_connection()
    connection.connection.set_progress_handler(count, GRAIN)
    try:
        yield lambda: taken
    finally:
        connection.connection.set_progress_handler(None, GRAIN)


def accept() -> None:
    door = mempool.Door(NETWORK, transactions=100, size=100_000)
    submissions = [mempool.Submission("a", "b", n, f"key {n}") for n in range(3)]
    with transaction.atomic():
        told = door.accept(submissions)
        assert all(isinstance(one, mempool.Acknowledgement) for one in told)
        transaction.set_rollback(True)


def seal() -> None:
    template, proof = chains.frozen("me")
    with transaction.atomic():
        sealing.seal(template, proof)
        transaction.set_rollback(True)


ACTS: dict[str, Callable[[], Any]] = {
    "accepting a group of transactions": accept,
    "sealing a block": seal,
    "saying who we are": serving.description,
    "looking around": announcing.State.now,
    "telling a browser where things stand": overview,
    "telling it what changed": now,
    "telling a peer of new transactions": lambda: relayed.told(pool_count.next_number() - 1),
}


@pytest.fixture
def costs(ledger_db: object, conf: NodeConf) -> Iterator[dict[str, list[int]]]:
    """The steps of each act on the short chain and on the long one."""
    with lifecycle.running(replace(conf, difficulty=1)) as node:
        yield _measured(node)


def _measured(node: lifecycle.Node) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {name: [] for name in ACTS}
    for blocks in (SHORT, LONG):
        texts = chains.active_texts()
        payment = {"sender": "a", "recipient": "b", "amount": 1}
        content = [[payment, chains.reward("peer")]] * (blocks - len(texts))
        assert chains.adopt(chains.grow(texts, content, 5.0), node.writer)
        for name, act in ACTS.items():
            act()  # what is only done once is done
            with steps() as taken:
                act()
                found[name].append(taken())
    return found


def test_they_do_not_depend_on_the_length_of_the_chain(costs: dict[str, list[int]]) -> None:
    for name, (short, long) in costs.items():
        assert short > 0, f"{name} was not seen"
        assert long <= 1.2 * short + 2 * GRAIN, f"{name}: {short} steps, and {long} on a long chain"


def test_the_steps_of_something_that_does_depend_on_it_are_seen(
    costs: dict[str, list[int]], ledger_db: object
) -> None:
    with steps() as taken:
        chains.active_texts()
        assert taken() > LONG


def test_a_group_costs_the_same_however_many_wait(ledger_db: object, conf: NodeConf) -> None:
    costs: list[int] = []
    with lifecycle.running(replace(conf, difficulty=1)) as node:
        for _ in range(40):
            with steps() as taken, transaction.atomic():
                node.door.accept([mempool.Submission("a", "b", n) for n in range(8)])
                costs.append(taken())
    assert costs[-1] <= 1.1 * costs[1] + 2 * GRAIN, costs


def test_the_pool_is_counted_by_its_index_where_it_is_counted(ledger_db: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + pool_count._POOL_SIZE)
        assert [row[3] for row in cursor.fetchall()] == [
            "SCAN ledger_transaction USING INDEX transaction_pool"
        ]
        cursor.execute("EXPLAIN QUERY PLAN " + pool_count._POOL_SINCE, [1])
        (plan,) = [row[3] for row in cursor.fetchall()]
    assert plan.startswith("SEARCH ledger_transaction USING INDEX"), plan
    assert "(entered>?)" in plan


def test_the_ids_of_a_process_come_in_order(ledger_db: object) -> None:
    """Random ones would each touch a page of their index; so they begin with the time."""
    begun = time.time_ns() // 10**6
    uids = [mempool._new_uids(3) for _ in range(5)]
    ended = time.time_ns() // 10**6
    times = [uid.int >> 80 for group in uids for uid in group]
    assert times == sorted(times)
    assert begun <= times[0] <= times[-1] <= ended
    assert {uid.version for group in uids for uid in group} == {7}
    assert len({uid for group in uids for uid in group}) == 15
