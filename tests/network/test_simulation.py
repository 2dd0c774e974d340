"""Five nodes, cut in two again and again and killed without warning: one chain, every word kept."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from .automatic import rows
from .simulation import Simulation

SEED = int(os.environ.get("CHAINSITE_TEST_SEED", random.randrange(2**32)))


def live(folder: Path, *, size: int, rounds: int, partitions: int, kills: int) -> None:
    print(f"CHAINSITE_TEST_SEED={SEED}")
    simulation = Simulation(folder, SEED, size=size, rounds=rounds)
    try:
        simulation.run()
        done = simulation.done
        assert done.partitions >= partitions
        assert done.kills >= kills
        assert done.mined >= rounds / 4
        simulation.drain()
        entries = simulation.entries()
        for content, count in done.acknowledged.items():
            assert count <= entries[content] <= count + done.uncertain[content], content
        for content, count in entries.items():
            assert count <= done.acknowledged[content] + done.uncertain[content], content
        confirmed_once = (
            "SELECT COUNT(*) FROM ledger_transaction t JOIN ledger_inclusion i"
            " ON i.transaction_id = t.id JOIN ledger_activeblock a ON a.block_id = i.block_id"
            " WHERE t.uid = ? AND t.state = 'confirmed'"
        )
        for at, uid in done.uids:
            found = rows(simulation.nodes[at], confirmed_once, uid.replace("-", ""))
            assert found == [(1,)], (at, uid)
        for node in simulation.nodes:
            assert node.manage("verifychain").returncode == 0
    finally:
        simulation.close()


@pytest.mark.long
def test_whatever_happens_they_end_on_one_chain_with_every_word_kept(tmp_path: Path) -> None:
    live(tmp_path, size=5, rounds=150, partitions=30, kills=15)


@pytest.mark.slow
def test_the_same_for_longer(tmp_path: Path) -> None:
    live(tmp_path, size=9, rounds=2000, partitions=400, kills=200)
