"""Exports: whole, exact, of one moment, and in constant memory."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.test import AsyncClient

from ledger.api.v1 import exports as sending
from ledger.models import Block
from ledger.node import lifecycle
from ledger.queries import exports
from tests.api.conftest import Reading
from tests.node.chains import active_texts, adopt, grow, reward

from .conftest import V1, Answer, Api, accept, mine, problem

FORMULAS = ("=1+1", "+1", "-1", "@x", " =1")


def rows(answer: Answer, kind: str) -> list[dict[str, Any]]:
    text = answer.body.decode()
    if kind == "csv":
        return list(csv.DictReader(io.StringIO(text)))
    return json.loads(text) if kind == "json" else [json.loads(line) for line in text.splitlines()]


KINDS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_PORTION", 3)


@each_kind
async def test_all_blocks_are_there_in_order(api: Api, texts: list[str], kind: str) -> None:
    answer = await api.get(f"/exports/chain?format={kind}")
    assert answer.headers["Content-Type"] == KINDS[kind]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="chain.{kind}"'
    assert [int(row["index"]) for row in rows(answer, kind)] == list(range(1, 13))


async def test_texts_are_the_exact_ones(api: Api, texts: list[str]) -> None:
    assert (await api.get("/exports/chain?format=ndjson")).text.splitlines() == texts
    assert (await api.get("/exports/chain?format=json")).text == f"[{', '.join(texts)}]"


@each_kind
async def test_a_range_may_be_asked_for_and_may_be_empty(
    api: Api, texts: list[str], kind: str
) -> None:
    for what in ("chain", "transactions"):
        some = await api.get(f"/exports/{what}?format={kind}&from=3&to=7")
        assert {int(row["index"]) for row in rows(some, kind)} == set(range(3, 8))
        none = await api.get(f"/exports/{what}?format={kind}&from=50")
        assert (none.status, rows(none, kind)) == (200, [])


@each_kind
async def test_all_transactions_are_there_regular_or_not(
    api: Api, texts: list[str], kind: str
) -> None:
    found = rows(await api.get(f"/exports/transactions?format={kind}"), kind)
    places = [(int(row["index"]), int(row["position"])) for row in found]
    assert places == [(n, p) for n in range(2, 13) for p in range(3 if n == 12 else 2)]
    assert {row["amount"] for row in found} == {"5", "1", "" if kind == "csv" else None}


@each_kind
async def test_a_history_is_told_from_its_beginning(
    api: Api, node: lifecycle.Node, texts: list[str], kind: str
) -> None:
    accept(node, sender="bob", recipient="bob", amount=7)
    accept(node, sender="bob", recipient="carol", amount=100)
    mine(node)
    found = rows(await api.get(f"/exports/history?name=bob&format={kind}"), kind)
    assert [row["balance"] for row in found] == [
        *[str(5 * n) for n in range(1, 11)],
        "50",
        "55",
        "55",
        "-45",
    ]
    assert found[-2]["change"] == "0", "what is sent to oneself comes once"
    told = (await api.get("/address/history?name=bob&limit=200")).json["history"]
    assert [(str(r["index"]), r["balance"]) for r in told[::-1]] == [
        (str(r["index"]), r["balance"]) for r in found
    ]


async def test_what_is_stale_is_in_no_history(api: Api, node: lifecycle.Node, left: Block) -> None:
    problem(await api.get("/exports/history?name=nobody&format=csv"), 404, "not-found")
    assert rows(await api.get("/exports/history?name=alice&format=ndjson"), "ndjson") == []
    mine(node)
    found = rows(await api.get("/exports/history?name=alice&format=ndjson"), "ndjson")
    assert [(row["index"], row["balance"]) for row in found] == [(6, "-5")]


async def test_a_spreadsheet_runs_nothing(api: Api, node: lifecycle.Node) -> None:
    for name in FORMULAS:
        accept(node, sender=name, recipient=name)
    mine(node)
    found = rows(await api.get("/exports/transactions?format=csv"), "csv")
    assert [row["sender"] for row in found[:5]] == [f"'{name}" for name in FORMULAS]


@each_kind
async def test_an_export_is_of_one_moment(
    api: Api,
    node: lifecycle.Node,
    texts: list[str],
    kind: str,
    reading: Reading,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The chain is replaced while the export of it goes on."""
    monkeypatch.setattr(sending, "_LARGE", 1)
    answer = await AsyncClient().get(f"{V1}/exports/transactions?format={kind}")
    pieces = answer.streaming_content
    began = [piece async for piece in _some(pieces)]
    other = await reading(lambda: grow(active_texts()[:1], [[reward("them")]] * 20, 9.0))
    await reading(lambda: adopt(other, node.writer))
    assert (await api.get("/blocks/tip")).json["index"] == 21
    text = b"".join([*began, *[piece async for piece in pieces]]).decode()
    assert "them" not in text
    assert text.count("alice") == 12
    assert began[0].count(b"alice") < 12, "it was sent before the chain was replaced"


async def _some(pieces: Any) -> Any:
    yield await anext(pieces)


@pytest.mark.parametrize("what", ["chain", "transactions", "history"])
async def test_another_format_is_refused(api: Api, what: str) -> None:
    for query in ("", "?format=xml", "?format=csv&from=0", "?format=csv&from=x"):
        problem(await api.get(f"/exports/{what}{query}"), 422, "invalid")


async def test_memory_is_that_of_one_portion(
    api: Api, node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch, texts: list[str]
) -> None:
    """However many there are, no more than a portion of rows is fetched at once."""
    fetched: list[int] = []
    fetch = exports._fetched

    def counting(*arguments: Any) -> Any:
        found = fetch(*arguments)
        fetched.append(len(found))
        return found

    monkeypatch.setattr(exports, "_fetched", counting)
    await api.get("/exports/transactions?format=csv")
    assert sum(fetched) == 23
    assert max(fetched) == 3
