"""Whatever is done to a node's ledger, in whatever order and with crashes between: it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import scenarios
from .machine_runs import run_machine, run_scenario

pytestmark = pytest.mark.usefixtures("unblocked")


def test_the_ledger_is_what_the_model_says_after_every_step(
    migrated: Path, fast_folder: Path
) -> None:
    run_machine(migrated, fast_folder, examples=70, steps=25)


@pytest.mark.slow
def test_the_ledger_is_what_the_model_says_in_long_lives(migrated: Path, fast_folder: Path) -> None:
    run_machine(migrated, fast_folder, examples=500, steps=50)


def test_an_entry_below_a_block_that_has_ours_is_not_ours_too(
    migrated: Path, fast_folder: Path
) -> None:
    run_scenario(migrated, fast_folder, scenarios.a_branch_that_was_left_comes_back)
