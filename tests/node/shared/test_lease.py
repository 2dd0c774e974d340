"""The lease on the duties: one has it, and stops before another begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import DatabaseError, transaction

from ledger.models import Lease as Row
from ledger.node.shared import lease
from ledger.node.shared.lease import Lease

SOON = 10.0  # seconds: a busy machine


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "DURATION", 1.0)
    monkeypatch.setattr(lease, "MARGIN", 0.3)
    monkeypatch.setattr(lease, "RENEW_EVERY", 0.2)
    monkeypatch.setattr(lease, "LOOK_EVERY", 0.1)


@pytest.fixture
def claim(ledger_db: Path) -> Iterator[Callable[[str], Lease]]:
    made: list[Lease] = []

    def start(holder: str) -> Lease:
        made.append(Lease(holder))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.close()


def got(one: Lease) -> int:
    return reached(lambda: one.term())


def reached(look: Callable[[], object]) -> object:
    deadline = time.monotonic() + SOON
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def test_one_has_it_and_the_other_once_it_is_given_up(claim: Callable[[str], Lease]) -> None:
    first = claim("first")
    assert got(first) == 1
    second = claim("second")
    time.sleep(1.5)
    assert (first.term(), second.term()) == (1, None), "it is renewed"

    first.close()
    assert got(second) == 2
    assert lease.standing().holder == "second"


def test_who_cannot_renew_it_stops_before_the_next_begins(
    claim: Callable[[str], Lease], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = claim("first")
    assert got(first)
    second = claim("second")
    failed: list[int] = []

    def fail(*_: object) -> None:
        failed.append(1)
        raise DatabaseError("the disk is gone")

    monkeypatch.setattr(first, "_renew", fail)
    monkeypatch.setattr(first, "_take", fail)
    reached(lambda: first.term() is None)
    assert second.term() is None, "not yet"
    assert got(second) == 2
    assert failed
    assert first.term() is None


def test_whoever_hangs_finds_it_lost(claim: Callable[[str], Lease]) -> None:
    first = claim("first")
    assert got(first) == 1
    Row.objects.update(holder="second", term=2, until=time.time() + 60)  # as another takes it
    assert first.wait_for(lambda term: term is None) is None
    time.sleep(0.5)
    assert first.term() is None
    assert lease.standing().holder == "second"


@pytest.mark.sqlite("one transaction keeps all others from writing there")
def test_behind_a_long_transaction_it_stays_with_its_holder(
    claim: Callable[[str], Lease], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "DURATION", 3.0)
    first = claim("first")
    assert got(first) == 1
    second = claim("second")
    time.sleep(0.3)
    with transaction.atomic():  # nobody else can write
        left = lease.standing().left
        time.sleep(1.8)
        assert lease.standing().left < left - 1.5, "it was not renewed meanwhile"
    reached(lambda: lease.standing().left > 2.0)
    assert (first.term(), second.term()) == (1, None)


def test_a_closed_lease_is_given_up_at_once(claim: Callable[[str], Lease]) -> None:
    first = claim("first")
    assert got(first)
    first.close()
    assert not lease.standing().is_held
    assert first.term() is None


def test_a_fault_is_there_until_somebody_finds_the_chain_sound(ledger_db: Path) -> None:
    lease.note_fault("")
    assert lease.standing().fault == ""
    lease.note_fault("block 3 is broken")
    assert lease.standing().fault == "block 3 is broken"
    lease.note_fault("")
    assert lease.standing().fault == ""
