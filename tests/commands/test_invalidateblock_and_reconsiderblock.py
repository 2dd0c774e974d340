from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import CommandError

from ledger.models import Block, InvalidBlock, Tip

Manage = Callable[..., str]


def hash_at(index: int) -> str:
    return Block.objects.get(active__index=index).hash


def test_they_are_each_others_undoing_and_say_what_they_did(manage: Manage) -> None:
    manage("mine", "3")
    tip, digest = hash_at(4), hash_at(3)
    printed = manage("invalidateblock", digest.upper(), "--reason", "a try")
    assert printed.startswith(
        f"Block 3 ({digest[:12]}…) is marked invalid. 2 blocks left the chain"
    )
    assert f"The tip is block 2 ({hash_at(2)[:12]}…) now." in printed
    assert InvalidBlock.objects.get().reason == "a try"
    printed = manage("reconsiderblock", digest)
    assert "1 mark was lifted." in printed
    assert hash_at(4) == tip


def test_what_cannot_be_done_is_an_error_with_its_reason(manage: Manage) -> None:
    manage("mine")
    with pytest.raises(CommandError, match="the genesis of this node"):
        manage("invalidateblock", hash_at(1))
    with pytest.raises(CommandError, match="no block with the hash"):
        manage("reconsiderblock", "abc")
    with pytest.raises(CommandError, match="300 characters are enough"):
        manage("invalidateblock", hash_at(2), "--reason", "x" * 301)
    assert Tip.objects.get().index == 2
