"""Nodes that tell each other of their transactions: each acknowledgement is on the chain once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.node import matching, relayed

from .small_network import SmallNetwork

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("unblocked")]


def live_and_settle(migrated: Path, folder: Path, seed: int) -> SmallNetwork:
    network = SmallNetwork(migrated, folder, nodes=3, seed=seed)
    network.live(60)
    network.settle(miners=[0, 1, 2] if seed % 2 else [seed // 2 % 3])
    return network


def assert_exactly_once(network: SmallNetwork) -> None:
    assert network.confirmed() == network.acknowledged
    assert network.faults() == []


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_each_acknowledgement_is_on_the_chain_once(
    migrated: Path, fast_folder: Path, seed: int
) -> None:
    network = live_and_settle(migrated, fast_folder, seed)
    assert_exactly_once(network)
    assert network.reorganised
    assert len(network.acknowledged) == 2
    assert min(network.acknowledged.values()) > 1, "there are some that are alike"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 400))
def test_whatever_else_happens_too(migrated: Path, fast_folder: Path, seed: int) -> None:
    assert_exactly_once(live_and_settle(migrated, fast_folder, seed))


def test_were_only_what_waits_told_some_would_be_lost(
    migrated: Path, fast_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of two nodes takes an entry for its own, and neither hears of the other's."""
    told = relayed.told
    monkeypatch.setattr(relayed, "told", lambda after, **_: told(after, only_waiting=True))
    network = live_and_settle(migrated, fast_folder, 1)
    assert sum((network.acknowledged - network.confirmed()).values()) > 0


def test_were_they_not_looked_for_in_older_blocks_some_would_be_there_twice(
    migrated: Path, fast_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching.FreeEntries, "take", lambda *_: None)
    network = live_and_settle(migrated, fast_folder, 1)
    assert sum((network.confirmed() - network.acknowledged).values()) > 0
