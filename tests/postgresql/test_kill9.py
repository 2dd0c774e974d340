"""kill -9 on PostgreSQL: nothing acknowledged is lost or doubled, nothing needs repair.

A small sample of the places, and a larger one with `-m slow`. `tests/node/test_kill9.py` goes
through all of them with CHAINSITE_TEST_DATABASE=postgresql and -m "long and not slow".
"""

from __future__ import annotations

import random

import pytest

from tests.node.conftest import seed_of_this_run
from tests.node.crash_cycles import Past, live_and_die, strike
from tests.node.life import OPERATIONS
from tests.node.test_kill9 import past
from tests.node.zygote import Zygote

__all__ = ["past"]


def kill_in_each_operation(past: Past, times: int) -> None:
    dice = random.Random(seed_of_this_run())
    strikes = [
        where
        for operation in OPERATIONS
        for where in dice.sample(past.strikes_on(operation), times)
    ]
    # COMMIT is where it matters most.
    strikes += [past.strikes_on(operation)[-1] for operation in OPERATIONS]

    def kill(zygote: Zygote, where: object) -> None:
        assert strike(past, zygote, where) == [], f"killed at {where}"

    past.side_by_side(kill, strikes)
    assert len(strikes) == (times + 1) * len(OPERATIONS)


def test_a_kill_at_a_statement_loses_nothing_and_doubles_nothing(past: Past) -> None:
    kill_in_each_operation(past, 5)


def test_life_after_life_on_what_the_last_kill_left_loses_nothing(past: Past) -> None:
    live_and_die(past, past.zygotes[0], seed_of_this_run(), 4)


@pytest.mark.slow
def test_more_kills_and_more_lives_lose_nothing(past: Past) -> None:
    kill_in_each_operation(past, 9)
    live_and_die(past, past.zygotes[0], seed_of_this_run() + 1, 100)
