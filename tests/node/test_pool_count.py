"""The pool's limits go by a count that is carried on, and hold whatever else changes the pool."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.db import transaction

from ledger.node import lifecycle, mempool, pool_count
from ledger.node.conf import NodeConf
from ledger.node.errors import Overloaded
from ledger.node.mempool import Acknowledgement, Door, Submission
from ledger.node.pool_count import PoolCount

from . import chains

MOST = 6


@pytest.fixture
def node(ledger_db: object, conf: NodeConf) -> Iterator[lifecycle.Node]:
    with lifecycle.running(replace(conf, difficulty=1)) as running:
        yield running


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each time that the whole pool was counted."""
    times: list[int] = []

    def count() -> tuple[int, int]:
        times.append(len(times))
        return pool_size()

    pool_size = pool_count.pool_size
    monkeypatch.setattr(pool_count, "pool_size", count)
    return times


def _door(node: lifecycle.Node) -> Door:
    return Door(node.identity.network, transactions=MOST, size=10**6)


def _hand_in(door: Door, count: int = 1) -> list[Acknowledgement | Exception]:
    with transaction.atomic():
        return door.accept([Submission("a", "b", n) for n in range(count)])


def _taken(told: list[Acknowledgement | Exception]) -> int:
    return sum(isinstance(one, Acknowledgement) for one in told)


def test_it_is_counted_once_and_carried_on(node: lifecycle.Node, counted: list[int]) -> None:
    door = _door(node)
    for _ in range(MOST):
        assert _taken(_hand_in(door)) == 1
    assert len(counted) == 1
    (refusal,) = _hand_in(door)
    assert isinstance(refusal, Overloaded)
    assert str(refusal) == f"the pool is full ({MOST} transactions)"
    assert pool_count.pool_size()[0] == MOST


def test_of_a_group_what_fits_is_taken(node: lifecycle.Node) -> None:
    assert _taken(_hand_in(_door(node), MOST + 3)) == MOST


def test_what_another_process_took_is_counted_too(node: lifecycle.Node, counted: list[int]) -> None:
    one, other = _door(node), _door(node)
    for _ in range(MOST // 2):
        assert _taken(_hand_in(one)) == _taken(_hand_in(other)) == 1
    assert len(counted) == 2
    assert not _taken(_hand_in(one))
    assert not _taken(_hand_in(other))


def test_what_was_rolled_back_is_not(node: lifecycle.Node) -> None:
    door = _door(node)
    assert _taken(_hand_in(door)) == 1
    with transaction.atomic():
        assert _taken(door.accept([Submission("a", "b", n) for n in range(MOST - 1)])) == MOST - 1
        transaction.set_rollback(True)
    assert _taken(_hand_in(door, MOST)) == MOST - 1


def test_a_block_makes_room(node: lifecycle.Node) -> None:
    door = _door(node)
    assert _taken(_hand_in(door, MOST)) == MOST
    chains.seal("me", node.writer)
    assert _taken(_hand_in(door, MOST + 1)) == MOST


def test_what_the_operator_drops_makes_room(node: lifecycle.Node) -> None:
    door = _door(node)
    (first, *_) = _hand_in(door, MOST)
    assert isinstance(first, Acknowledgement)
    with transaction.atomic():
        mempool.drop(str(first.uid), "a test")
    assert _taken(_hand_in(door, 2)) == 1


def test_the_size_is_carried_on_like_the_number(node: lifecycle.Node) -> None:
    size = mempool.bytes_of(("a", "b", 0), node.identity.network)
    door = Door(node.identity.network, transactions=100, size=3 * size + 1)
    assert [_taken(_hand_in(door)) for _ in range(5)] == [1, 1, 1, 0, 0]


def test_what_is_carried_on_is_what_there_is(node: lifecycle.Node) -> None:
    door, count = _door(node), PoolCount(transactions=MOST, size=10**6)
    for act in (
        lambda: _hand_in(door, 2),
        lambda: chains.seal("me", node.writer),
        lambda: _hand_in(door, 3),
    ):
        act()
        with transaction.atomic():
            standing = count.standing(1, 1)
            assert (standing.count, standing.size) == pool_count.pool_size()
            count.remember(standing)
