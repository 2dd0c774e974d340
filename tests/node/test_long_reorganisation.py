"""Ten thousand blocks with five thousand transactions of ours leave the chain at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, connections
from pytest_django.plugin import DjangoDbBlocker

from ledger.consensus import hash_of
from ledger.models import ActiveBlock, Inclusion, Reorganisation, Tip, Transaction
from ledger.node import chainstate, identity, mempool, verification
from ledger.node.chainstate import Switch
from ledger.node.events import Listeners
from ledger.node.mempool import Door, Submission
from ledger.node.writer import Writer
from tests import databases, processes
from tests.conftest import use_database

from . import dying
from .chains import NETWORK, active_texts, adopt, grow
from .statements import Countdown, kill_this_process

BLOCKS = 10_000
OURS = 5_000


def write(*texts: str) -> bytes:
    return "\n".join(texts).encode()


@pytest.fixture(scope="module")
def world(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[tuple[Path, Path]]:
    """A node whose chain holds all of ours, and a file with a longer chain that holds none."""
    folder = tmp_path_factory.mktemp("long")
    path, texts = folder / "chain.sqlite3", folder / "longer"
    databases.copy(migrated, path)
    with django_db_blocker.unblock():
        use_database(path)
        writer = Writer(Listeners())
        writer.run(lambda: identity.create(NETWORK))
        door = Door(NETWORK, transactions=OURS, size=2**30)
        sent = [Submission("we", f"block {n}", n) for n in range(OURS)]
        for done in [writer.submit_batched(door.accept, one) for one in sent[:4000]]:
            done.result()
        for done in [writer.submit_batched(door.accept, one) for one in sent[4000:]]:
            done.result()
        entries = [
            dict(zip(("sender", "recipient", "amount"), one.content, strict=True)) for one in sent
        ]
        contents = [entries[n : n + 1] if n < OURS else [] for n in range(BLOCKS)]
        genesis = active_texts()
        adopt(grow(genesis, contents, 5.0), writer)
        assert mempool.pool_size()[0] == 0
        texts.write_bytes(write(*grow(genesis, [[]] * (BLOCKS + 1), 6.0)))
        writer.close()
        databases.settle()
        connections.close_all()
        yield path, texts
        connections.close_all()


class Noting(Countdown):
    """Notes at which place the switch was committed."""

    committed_at = 0

    def _step(self, sql: str, call: Callable[[], Any]) -> Any:
        if sql == "COMMIT" and not self.committed_at:
            self.committed_at = self.passed + 1
        return super()._step(sql, call)


def reorganise(path: Path, texts: Path, nth: int) -> tuple[Switch | None, int]:
    """Adopt the longer chain; die before the `nth` statement of the switch, if that is not 0.
    Answers how many statements the switch took, COMMIT being the last."""
    use_database(path)
    writer, countdown = Writer(Listeners()), Noting(kill_this_process)
    writer.run(countdown.watch_this_thread)
    switch_to = chainstate.switch_to

    def counted(*arguments: object) -> Switch | None:
        countdown.arm(nth)
        countdown.committed_at = 0
        return switch_to(*arguments)

    chainstate.switch_to = counted
    try:
        switch = adopt(texts.read_text().split("\n"), writer)
        return switch, countdown.committed_at
    finally:
        chainstate.switch_to = switch_to
        writer.close()
        connections.close_all()


@pytest.mark.long
def test_it_is_one_change_and_survives_a_kill_anywhere_in_it(
    world: tuple[Path, Path], tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    path, texts = world
    whole = tmp_path / "whole.sqlite3"
    databases.copy(path, whole)
    with django_db_blocker.unblock():
        switch, statements = reorganise(whole, texts, 0)
        assert switch is not None
        assert replace(switch) == Switch(1, BLOCKS, BLOCKS + 1, OURS, 0, 0)
        assert is_settled(BLOCKS + 2, OURS)
        for nth in (statements // 3, statements - 2, statements):
            copy = tmp_path / f"{nth}.sqlite3"
            databases.copy(path, copy)
            assert killed_at(copy, texts, nth)
            use_database(copy)
            assert Tip.objects.get(pk=1).index == BLOCKS + 1
            assert Reorganisation.objects.count() == 0
            assert Transaction.objects.filter(state="confirmed").count() == OURS
            connections.close_all()
        # On what the last kill left: once more, to the end.
        switch, _ = reorganise(copy, texts, 0)
        assert switch is not None
        assert is_settled(BLOCKS + 2, OURS)


def killed_at(copy: Path, texts: Path, nth: int) -> bool:
    ours, theirs = processes._nursery.Pipe(duplex=False)
    process = processes._nursery.Process(
        target=dying.die_in_it, args=(str(copy), str(texts), nth, theirs)
    )
    process.start()
    theirs.close()
    process.join(120)
    with pytest.raises(EOFError):
        ours.recv()
    return process.exitcode == -signal.SIGKILL


def is_settled(tip: int, returned: int) -> bool:
    """The longer chain is ours, what was on the other waits, and everything is in order."""
    use_database_again()
    texts = active_texts()
    assert len(texts) == tip == Tip.objects.get(pk=1).index
    assert hash_of(texts[-1]) == ActiveBlock.objects.get(index=tip).block.hash
    assert Transaction.objects.filter(state="returned").count() == returned
    assert Inclusion.objects.filter(transaction__isnull=False).count() == returned
    row = Reorganisation.objects.get()
    assert (row.disconnected, row.transactions.filter(effect="returned").count()) == (
        BLOCKS,
        returned,
    )
    assert verification.verify_at_once(None).sound
    return True


def use_database_again() -> None:
    connection.close()
