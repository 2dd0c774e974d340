"""What a peer's row says of itself at a given time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ledger.models import Peer

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "score"), [(0, 40), (1800, 28.284), (3600, 20), (7200, 10), (36000, 0.039)]
)
def test_misbehaviour_halves_every_hour(age: int, score: float) -> None:
    peer = Peer(score=40.0, scored_at=NOW - timedelta(seconds=age))
    assert peer.score_at(NOW) == pytest.approx(score, abs=0.001)


def test_a_clock_set_back_makes_nobody_worse() -> None:
    assert Peer(score=40.0, scored_at=NOW + timedelta(hours=5)).score_at(NOW) == 40
    assert Peer().score_at(NOW) == 0


def test_after_years_it_is_nothing() -> None:
    assert Peer(score=100.0, scored_at=NOW - timedelta(days=36500)).score_at(NOW) == 0
