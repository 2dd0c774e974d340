"""What is read costs the same on a long chain as on a short one.

Counted are the steps of SQLite's machine, where the API reads.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from ledger.node import lifecycle, reading
from tests.api.conftest import Reading
from tests.node.chains import active_texts, adopt, grow, reward

from .conftest import PAYMENT, V1, Api

SHORT, LONG = 260, 700  # blocks; a history is read in portions of 200
GRAIN = 20  # steps
READ = (
    *("/blocks?limit=10", "/blocks?order=oldest&limit=10", "/blocks?from=5&to=30&limit=10"),
    *("/blocks/tip", "/blocks/3", "/blocks/3/raw", "/blocks/3/status", "/blocks/3/transactions"),
    *("/blocks/3/transactions/0", "/transactions", "/pool", "/address?name=alice"),
    *("/address/history?name=alice&limit=10", "/mining", "/mining/template", "/peers", "/forks"),
    *("/reorganisations", "/events?after=1&limit=10", "/events", "/statistics?range=50"),
    *("/search?q=3", "/search?q=alice", "/search?q=abcd"),
)

pytestmark = pytest.mark.sqlite("the steps of its machine are counted")


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Steps, one entry a grain."""
    steps: list[int] = []
    fresh = reading._fresh

    def counted(function: Any, *arguments: Any, **options: Any) -> Any:
        connection.ensure_connection()
        connection.connection.set_progress_handler(lambda: steps.append(GRAIN), GRAIN)
        try:
            return fresh(function, *arguments, **options)
        finally:
            if connection.connection is not None:
                connection.connection.set_progress_handler(None, GRAIN)

    monkeypatch.setattr(reading, "_fresh", counted)
    return steps


async def test_no_answer_costs_more_on_a_longer_chain(
    api: Api, node: lifecycle.Node, reading: Reading, taken: list[int]
) -> None:
    costs: dict[str, list[int]] = {path: [] for path in READ}
    for blocks in (SHORT, LONG):
        texts = await reading(active_texts)
        contents = [[PAYMENT, reward("miner")]] * (blocks - len(texts))
        grown = grow(texts, contents, 5.0)
        await reading(lambda grown=grown: adopt(grown, node.writer))
        for path in READ:
            await api.get(path)  # what is only done once is done
            each = []
            for _ in range(3):  # what else reads meanwhile is counted too, but not every time
                taken.clear()
                assert (await api.get(path)).status == 200, V1 + path
                each.append(sum(taken))
            costs[path].append(min(each))
    assert sum(short for short, _ in costs.values()) > 0, "no steps were seen"
    for path, (short, long) in costs.items():
        assert long <= 1.2 * short + 3 * GRAIN, f"{path}: {short} steps, and {long} on a long chain"
