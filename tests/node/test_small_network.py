"""Nodes that tell each other of their transactions: each acknowledgement is on the chain once."""

from __future__ import annotations

from pathlib import Path

import pytest

from .small_network import SmallNetwork

pytestmark = pytest.mark.usefixtures("unblocked")


@pytest.mark.parametrize("seed", range(100))
def test_whatever_happens_each_acknowledgement_is_on_the_chain_once(
    migrated: Path, fast_folder: Path, seed: int
) -> None:
    network = SmallNetwork(migrated, fast_folder, nodes=3, seed=seed)
    network.live(70)
    network.settle(miners=[0, 1, 2] if seed % 2 else [seed // 2 % 3])
    assert network.confirmed() == network.acknowledged
    assert network.faults() == []
