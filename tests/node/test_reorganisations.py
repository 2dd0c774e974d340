"""Reorganisations that dice would not throw, or not often."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import chains, scenarios
from .ledger_machine import LedgerMachine
from .machine_runs import run_scenario

pytestmark = pytest.mark.usefixtures("unblocked")


def test_an_entry_below_a_block_that_has_ours_is_not_ours_too(
    migrated: Path, fast_folder: Path
) -> None:
    run_scenario(migrated, fast_folder, scenarios.a_branch_that_was_left_comes_back)


def test_a_full_pool_costs_a_short_branch_no_more_than_an_empty_one(
    migrated: Path, fast_folder: Path
) -> None:
    """Else a peer's next block would hold up the writer for as long as the pool is full."""

    def scenario(machine: LedgerMachine) -> None:
        empty = statements_to_adopt_one_block(machine)
        contents = [(f"sender {number}", "bob", number) for number in range(400)]
        machine.submit(contents)
        full = statements_to_adopt_one_block(machine)
        machine.everything_is_as_the_model_says()
        assert full <= empty + 10, f"{full} statements with a full pool, {empty} with an empty one"

    run_scenario(migrated, fast_folder, scenario)


def statements_to_adopt_one_block(machine: LedgerMachine) -> int:
    machine.countdown.arm(0)
    machine.adopt(chains.grow(chains.active_texts(), [[]], 3.0))
    return machine.countdown.passed


def test_a_long_branch_with_many_of_ours_goes_and_comes_back_whole(
    migrated: Path, fast_folder: Path
) -> None:
    """A hundred blocks with five hundred transactions of ours leave the chain and return."""

    def scenario(machine: LedgerMachine) -> None:
        genesis = chains.active_texts()
        for block in range(100):
            machine.submit([(f"block {block}", "bob", number) for number in range(5)])
            machine.seal()
        ours = chains.active_texts()
        machine.adopt(chains.grow(genesis, [[]] * 101, 4.0))
        assert len(machine.model.pool()) == 500
        machine.everything_is_as_the_model_says()
        machine.adopt(chains.grow(ours, [[]] * 2, 5.0))
        assert machine.model.pool() == []
        machine.everything_is_as_the_model_says()

    run_scenario(migrated, fast_folder, scenario)


def test_a_crash_at_any_statement_of_a_reorganisation_changes_nothing(
    migrated: Path, fast_folder: Path
) -> None:
    """Each place once, systematically, on one database: the last attempt goes through."""

    def scenario(machine: LedgerMachine) -> None:
        genesis = chains.active_texts()
        machine.submit([("alice", "bob", 1), ("alice", "bob", 1), ("bob", "carol", 5)])
        machine.seal()
        machine.submit([("alice", "bob", 1)])
        entry = {"sender": "alice", "recipient": "bob", "amount": 1}
        texts = chains.grow(genesis, [[entry], [entry, chains.reward("peer")], []], 6.0)
        places = 0
        while machine.crash_while_adopting(texts, places + 1):
            places += 1
            machine.everything_is_as_the_model_says()
        assert places > 40, "the crashes did not happen"

    run_scenario(migrated, fast_folder, scenario)
