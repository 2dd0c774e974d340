"""Whatever is done to a node's ledger, in whatever order and with crashes between: it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import databases

from .machine_runs import run_machine

pytestmark = pytest.mark.usefixtures("unblocked")


def test_the_ledger_is_what_the_model_says_after_every_step(
    migrated: Path, fast_folder: Path
) -> None:
    # Others, always the same, are in test_mutations.
    examples = 10 if databases.server() else 30  # where each takes twice the time
    run_machine(migrated, fast_folder, examples=examples, steps=25)


@pytest.mark.slow
def test_the_ledger_is_what_the_model_says_in_long_lives(migrated: Path, fast_folder: Path) -> None:
    run_machine(migrated, fast_folder, examples=500, steps=50)
