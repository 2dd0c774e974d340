from __future__ import annotations

import json
from collections.abc import Callable

from ledger.models import Event


def test_it_leaves_word_for_the_node_that_is_searching(manage: Callable[..., str]) -> None:
    assert "gives its search up" in manage("cancelmining")
    assert json.loads(Event.objects.get(kind="operator").payload)["act"] == "cancel-mining"
