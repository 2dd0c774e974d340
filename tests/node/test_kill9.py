"""kill -9, anywhere: nothing acknowledged is lost, nothing is doubled, nothing needs repair."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from tests import databases

from .conftest import seed_of_this_run
from .crash_cycles import (
    GENERATION,
    Past,
    a_past,
    killed_by,
    live_and_die,
    strike,
)
from .life import OPERATIONS
from .zygote import Zygote


@pytest.fixture(scope="module")
def past(migrated: Path, fast_module_folder: Path) -> Iterator[Past]:
    with a_past(fast_module_folder, migrated) as past:
        yield past


@pytest.mark.long_on_postgresql
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_kill_at_any_statement_loses_nothing_and_doubles_nothing(
    past: Past, operation: str
) -> None:
    strikes = past.strikes_on(operation)
    print(f"{operation}: {len(strikes)} kills")

    def kill(zygote: Zygote, where: object) -> None:
        assert strike(past, zygote, where) == [], f"killed at {where}"

    past.side_by_side(kill, strikes)


def test_the_statements_of_all_operations_make_over_500_kills(past: Past) -> None:
    assert sum(len(past.strikes_on(operation)) for operation in OPERATIONS) >= 500


def live_many_lives(past: Past, generations: int) -> None:
    seed = seed_of_this_run()
    seeds = [random.Random(seed + number).randrange(2**31) for number in range(generations)]
    past.side_by_side(lambda zygote, own: live_and_die(past, zygote, own, GENERATION), seeds)


@pytest.mark.long
def test_life_after_life_on_what_the_last_kill_left_loses_nothing(past: Past) -> None:
    live_many_lives(past, generations=3)


@pytest.mark.slow
def test_thousands_of_lives_lose_nothing(past: Past) -> None:
    live_many_lives(past, generations=5200 // GENERATION)


def kill_first_starts(past: Past, places: Callable[[int, int], Iterable[int]]) -> None:
    """Kill a first start (migrations, identity, genesis) before these of its statements, and after
    the last one; the next start does what is left of it."""
    unharmed = past.folder / "unharmed.sqlite3"
    databases.make(unharmed)
    start = past.zygotes[0].run("start_up", path=str(unharmed), nth=0, when="before")
    migrated, count = start.result()
    databases.remove(unharmed)
    finished = set[tuple[str, ...]]()
    strikes = [(nth, "before") for nth in places(migrated, count)] + [(count, "after")]

    def kill(zygote: Zygote, where: tuple[int, str]) -> None:
        nth, when = where
        path = past.folder / f"start-{nth}-{when}.sqlite3"
        databases.make(path)
        killed_by(zygote, "start_up", where, path=str(path), nth=nth, when=when)
        left = what_is_in(path)
        if left not in finished:  # most kills leave one of few states: of each, finish one
            finished.add(left)
            start_again(zygote, path, f"killed {when} statement {nth}")
        databases.remove(path)

    past.side_by_side(kill, strikes)
    print(f"{len(strikes)} kills at {count} statements left {len(finished)} different states")
    assert len(finished) >= 3  # nothing, migrated, and with its identity


@pytest.mark.long
def test_a_kill_during_the_first_start_needs_no_repair(past: Past) -> None:
    """The migrations are one transaction: of its inside a sample will do."""
    kill_first_starts(
        past, lambda migrated, count: [*range(1, migrated - 2, 40), *range(migrated - 2, count + 1)]
    )


@pytest.mark.slow
def test_a_kill_at_any_statement_of_the_first_start_needs_no_repair(past: Past) -> None:
    kill_first_starts(past, lambda migrated, count: range(1, count + 1))


def start_again(zygote: Zygote, path: Path, how: str) -> None:
    identity = identity_in(path)
    again = zygote.run("start_up", path=str(path), nth=0, when="before")
    assert again.code == 0, f"{how}, it does not start: {again.said}"
    assert identity in (None, again.said[0]["identifier"]), f"{how}, it is another node now"
    assert again.said[0]["faults"] == [], how


def what_is_in(path: Path) -> tuple[str, ...]:
    """The tables in this database, how many rows they have, and the triggers."""
    counts = [f"table {table} {len(rows)}" for table, rows in databases.contents(path).items()]
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgname"
        if databases.server()
        else "SELECT name FROM sqlite_master WHERE type != 'table' ORDER BY name"
    )
    return (*counts, *(name for (name,) in databases.rows(path, query)))


def identity_in(path: Path) -> str | None:
    """Who the node in this file is, if it got that far."""
    if "table ledger_nodeidentity 1" not in what_is_in(path):
        return None
    ((identifier,),) = databases.rows(path, "SELECT identifier FROM ledger_nodeidentity")
    return str(identifier)
