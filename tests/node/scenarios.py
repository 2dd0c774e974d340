"""Stories that dice tell too rarely, told to the state machine step by step.

Each drives the node and its model through one, and compares them after each step; or raises
`Broken`, as the machine does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from ledger.models import Peer
from ledger.node.events import Listeners
from ledger.node.writer import Writer
from tests.conftest import use_database

from . import chains
from .ledger_machine import LedgerMachine
from .ledger_view import Broken

ENTRY = {"sender": "alice", "recipient": "bob", "amount": 5}


def a_branch_that_was_left_comes_back(machine: LedgerMachine) -> None:
    """Ours is sealed above a stranger's identical transaction, leaves the chain with its block,
    and meets the stranger's again before its own block returns."""
    genesis = chains.active_texts()
    with_a_strangers = chains.grow(genesis, [[ENTRY], []], 5.0)
    machine.adopt(with_a_strangers)
    machine.submit([("alice", "bob", 5)])
    machine.seal()
    with_ours = chains.active_texts()
    for texts in (
        chains.grow(genesis, [[]] * 4, 6.0),
        chains.grow(with_a_strangers, [[]] * 3, 7.0),  # the stranger's is here, ours is not
        chains.grow(with_ours, [[]] * 3, 8.0),  # both
    ):
        machine.adopt(texts)
        machine.everything_is_as_the_model_says()


def a_chain_with_a_mark_grows(machine: LedgerMachine) -> None:
    """A peer's chain goes on from a block that the operator marked, however long."""
    machine.seal()
    machine.seal()
    machine.invalidate(which=1, active=True)
    machine.a_chain_with_a_mark_is_refused(which=0, more=5)
    machine.everything_is_as_the_model_says()


def the_disk_is_full(database: Path) -> None:
    """One request of a group takes more space than there is; SQLite gives up the transaction."""
    use_database(database)
    writer = Writer(Listeners())
    try:
        writer.run(lambda: _register("a peer"))
        writer.run(_allow_three_more_pages)
        first, too_large, last = together(
            writer,
            lambda: [
                writer.submit(lambda: _register("first")),
                writer.submit(_write_a_megabyte),
                writer.submit(lambda: _register("last")),
            ],
        )
        assert too_large.exception(), "there was space enough"
        for name, future in (("first", first), ("last", last)):
            if future.exception() is None and not Peer.objects.filter(address=name).exists():
                raise Broken("acknowledged, but not stored", name)
    finally:
        writer.close()


def together(writer: Writer, put: Callable[[], list[Future[Any]]]) -> list[Future[Any]]:
    """Let what `put` queues be one group: it waits behind an operation that takes its time."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        leave.wait(30)

    writer.submit(hold)
    assert entered.wait(30)
    futures = put()
    leave.set()
    for future in futures:
        future.exception(30)
    return futures


def _register(address: str) -> None:
    Peer.objects.create(address=address, registered_at=timezone.now())


def _write_a_megabyte() -> None:
    Peer.objects.filter(address="a peer").update(failure="x" * 1024 * 1024)


def _allow_three_more_pages() -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + 3}")
