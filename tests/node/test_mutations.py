"""Each planted bug is noticed, and by what; without it the same run passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import databases

from . import scenarios
from .crash_cycles import Past, Strike, a_past, strike
from .ledger_view import Broken
from .machine_runs import SEEDED, run_machine, run_scenario
from .mutations import MUTATIONS, Mutation

pytestmark = [pytest.mark.usefixtures("unblocked"), pytest.mark.long_on_postgresql]

RUN = {"examples": 25, "steps": 25, **SEEDED}


def named(kind: Callable[[Mutation], bool]) -> list[str]:
    return [name for name, mutation in MUTATIONS.items() if kind(mutation)]


# What takes the machine longest to find.
HIDDEN = {
    "equal length wins",
    "flip-flop",
    "idempotency key ignored",
    "identical transactions merged",
    "the reward goes elsewhere",
    "the tip is not asked again",
}


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if name in HIDDEN else [])
        for name in named(lambda m: not m.by_killing and not m.scenario)
    ],
)
def test_the_state_machine_notices(name: str, migrated: Path, fast_folder: Path) -> None:
    mutation = MUTATIONS[name]
    with mutation.planted(), pytest.raises(Broken) as noticed:
        run_machine(migrated, fast_folder, **RUN)
    assert noticed.value.check in mutation.caught_by, noticed.value


@pytest.mark.long
def test_the_state_machine_has_no_objection_to_the_code_as_it_is(
    migrated: Path, fast_folder: Path
) -> None:
    run_machine(migrated, fast_folder, **RUN)


@pytest.fixture(scope="module")
def past(migrated: Path, fast_module_folder: Path) -> Iterator[Past]:
    with a_past(fast_module_folder, migrated) as past:
        yield past


@pytest.mark.parametrize("name", named(lambda m: bool(m.by_killing)))
def test_kills_notice(name: str, past: Past) -> None:
    mutation = MUTATIONS[name]
    noticed: list[str] = []
    for nth in range(past.statements_of(mutation.by_killing, name), 0, -1):
        where = Strike(mutation.by_killing, nth, "before")
        noticed = strike(past, past.zygotes[0], where, mutation=name)
        if noticed:
            break
    assert noticed[0].startswith(mutation.caught_by), noticed


STORIES: dict[str, Callable[[Path, Path], None]] = {
    "a branch that was left comes back": lambda migrated, folder: run_scenario(
        migrated, folder, scenarios.a_branch_that_was_left_comes_back
    ),
    "a chain with a mark grows": lambda migrated, folder: run_scenario(
        migrated, folder, scenarios.a_chain_with_a_mark_grows
    ),
    "a mark is lifted": lambda migrated, folder: run_scenario(
        migrated, folder, scenarios.a_mark_is_lifted
    ),
    "a reward is forged": lambda migrated, folder: run_scenario(
        migrated, folder, scenarios.a_reward_is_forged
    ),
    "others tell what they know": lambda migrated, folder: run_scenario(
        migrated, folder, scenarios.others_tell_what_they_know
    ),
    "the disk is full": lambda migrated, folder: scenarios.the_disk_is_full(
        databases.copy(migrated, folder / "full.sqlite3")
    ),
}


@pytest.mark.parametrize("name", named(lambda m: bool(m.scenario)))
def test_scenarios_notice(name: str, migrated: Path, fast_folder: Path) -> None:
    mutation = MUTATIONS[name]
    if mutation.scenario == "the disk is full" and databases.server():
        pytest.skip("about SQLite: PostgreSQL gives up a savepoint, and no more than that")
    STORIES[mutation.scenario](migrated, fast_folder)
    with mutation.planted(), pytest.raises(Broken) as noticed:
        STORIES[mutation.scenario](migrated, fast_folder)
    assert noticed.value.check in mutation.caught_by, noticed.value


def test_there_are_enough_planted_bugs() -> None:
    assert MUTATIONS.keys() > HIDDEN
    assert len(MUTATIONS) >= 12
