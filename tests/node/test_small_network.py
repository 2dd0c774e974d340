"""Nodes that tell each other of their transactions: each acknowledgement is on the chain once."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ledger.node import matching, mempool, relayed

from .planting import edit
from .small_network import SmallNetwork

pytestmark = pytest.mark.usefixtures("unblocked")


def live_and_settle(migrated: Path, folder: Path, seed: int) -> SmallNetwork:
    network = SmallNetwork(migrated, folder, nodes=3, seed=seed)
    network.live(70)
    network.settle(miners=[0, 1, 2] if seed % 2 else [seed // 2 % 3])
    return network


def assert_exactly_once(network: SmallNetwork) -> None:
    assert network.confirmed() == network.acknowledged
    assert network.faults() == []


@pytest.mark.parametrize("seed", range(6))
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


WRONG: dict[str, tuple[Any, str, Any]] = {
    "only what waits is told": (
        relayed,
        "told",
        lambda told: lambda after, **_: told(after, only_waiting=True),
    ),
    "late ones are not looked for": (
        matching.FreeEntries,
        "take",
        lambda _: lambda *_: None,
    ),
    "numbers are given again": (
        mempool,
        "next_number",
        lambda _: partial(int, "1"),
    ),
}
