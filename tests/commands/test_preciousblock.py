from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import CommandError

from ledger.models import Block

Manage = Callable[..., str]


def hash_at(index: int) -> str:
    return Block.objects.get(active__index=index).hash


def test_the_branch_that_ends_in_the_block_is_followed(manage: Manage) -> None:
    manage("mine", "2")
    ours = hash_at(3)
    manage("invalidateblock", ours)
    manage("mine")
    other = hash_at(3)
    manage("reconsiderblock", ours)
    assert hash_at(3) == ours
    printed = manage("preciousblock", other)
    assert f"The tip is block 3 ({other[:12]}…) now." in printed
    assert hash_at(3) == other
    assert "is on the active chain already" in manage("preciousblock", other)
    with pytest.raises(CommandError, match="no block with the hash"):
        manage("preciousblock", "abc")
