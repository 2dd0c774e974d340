"""Two processes on one database, both sealing and accepting: they take turns, and nobody loses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import databases

from .crash_cycles import Past, a_past
from .zygote import Ended, Zygote


def race(past: Past, seconds: float) -> None:
    path, promises = past.copy()

    def run(zygote: Zygote) -> Ended:
        label = f"racer {past.zygotes.index(zygote)}"
        return zygote.run("race", path=str(path), seconds=seconds, label=label)

    before = height_of(path)
    with ThreadPoolExecutor() as threads:
        racers = list(threads.map(run, past.zygotes))
    for racer in racers:
        racer.result()
        promises.take(racer.said)
    sealed = [racer.result()["sealed"] for racer in racers]
    lost = sum(racer.result()["lost"] for racer in racers)
    print(f"sealed {sealed}, lost races {lost}, acknowledged {len(promises.acknowledged)}")
    assert all(sealed), "one process never got its turn"
    assert lost, "no race was lost: the processes did not meet"
    assert height_of(path) == before + sum(sealed), "one block an index"
    inspected = past.zygotes[0].run("inspect", path=str(path), promises=promises.to_json())
    assert inspected.result() == []


def height_of(path: Path) -> int:
    ((height,),) = databases.rows(path, 'SELECT "index" FROM ledger_tip')
    return int(height)


@pytest.mark.long
def test_two_processes_seal_one_block_an_index_and_lose_nothing(
    migrated: Path, fast_folder: Path
) -> None:
    with a_past(fast_folder, migrated, zygotes=2) as past:
        race(past, seconds=4)


@pytest.mark.slow
def test_two_processes_take_turns_for_a_minute(migrated: Path, fast_folder: Path) -> None:
    with a_past(fast_folder, migrated, zygotes=2) as past:
        race(past, seconds=60)
