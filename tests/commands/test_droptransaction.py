from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.core.management import CommandError

from ledger.models import Transaction
from ledger.node import lifecycle
from tests.pages.forked import submit

Manage = Callable[..., str]


def test_the_transaction_leaves_the_pool_with_the_reason(manage: Manage) -> None:
    with lifecycle.running() as node:
        uid = submit(node, "alice", "bob", 5)
    printed = manage("droptransaction", str(uid), "--reason", "sent by mistake")
    assert printed == f"Transaction {uid} was dropped: sent by mistake\n"
    assert Transaction.objects.get().reason == "sent by mistake"
    assert "block 2: 1 transactions" in manage("mine")


def test_without_a_reason_or_a_transaction_nothing_is_dropped(manage: Manage) -> None:
    with pytest.raises(CommandError, match="--reason"):
        manage("droptransaction", str(uuid.uuid4()))
    with pytest.raises(CommandError, match="there is no transaction"):
        manage("droptransaction", str(uuid.uuid4()), "--reason", "why not")
