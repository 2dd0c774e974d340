from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import CommandError

from ledger.models import Tip
from ledger.node import lifecycle, mempool

Manage = Callable[..., str]


def test_without_a_number_one_block_is_mined(manage: Manage) -> None:
    assert "block 2: 1 transactions" in manage("mine")
    assert Tip.objects.get().index == 2


def test_with_a_number_so_many_blocks_are_mined(manage: Manage) -> None:
    printed = manage("mine", "3")
    named = [line.split(":")[0] for line in printed.splitlines()]
    assert named == ["block 2", "block 3", "block 4"]
    assert Tip.objects.get().index == 4


def test_waiting_transactions_are_mined(manage: Manage) -> None:
    with lifecycle.running() as node:
        submission = mempool.Submission("alice", "bob", 5)
        node.writer.submit_batched(node.door.accept, submission).result()
    assert "block 2: 2 transactions" in manage("mine")


@pytest.mark.parametrize("count", ["0", "-1", "x", "1.5"])
def test_what_is_no_number_of_blocks_is_refused(manage: Manage, count: str) -> None:
    with pytest.raises(CommandError):
        manage("mine", "--", count)
    assert lifecycle.prepare().network.difficulty == 2
    assert Tip.objects.get().index == 1
