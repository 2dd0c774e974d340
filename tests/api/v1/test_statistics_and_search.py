"""The charts' series, and the search box, for programs."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from ledger.node import lifecycle

from .conftest import V1, Api, accept, problem


async def test_the_series_are_those_of_the_charts(api: Api, texts: list[str]) -> None:
    said = (await api.get("/statistics?range=50")).json
    assert [point["index"] for point in said["blocks"]] == list(range(1, 13))
    assert said["blocks"][-1]["supply"] == "11"
    assert said["blocks"][-1]["transactions"] == 3
    assert len(said["interval"]["intervals"]) == 11
    assert said["range"] == 50
    problem(await api.get("/statistics?range=7"), 422, "invalid")


@pytest.mark.parametrize(
    ("query", "kind"),
    [("3", "block"), ("{hash}", "block"), ("alice", "address"), ("{id}", "transaction")],
)
async def test_what_is_found_is_where_it_says(
    api: Api, node: lifecycle.Node, texts: list[str], query: str, kind: str
) -> None:
    tip = (await api.get("/blocks/tip")).json["hash"]
    asked = query.format(hash=tip, id=accept(node))
    hit = (await api.get(f"/search?q={quote(asked)}")).json["hits"][0]
    assert (hit["kind"], hit["exact"]) == (kind, True)
    assert (await api.get(hit["url"].removeprefix(V1))).status == 200


async def test_an_index_above_the_tip_says_so(api: Api, texts: list[str]) -> None:
    assert (await api.get("/search?q=99")).json == {"query": "99", "hits": [], "above_tip": 12}


async def test_nothing_is_found_for_nonsense(api: Api) -> None:
    for query in ("", "%00", "%ff%fe", "x" * 500):
        answer = await api.get(f"/search?q={query}")
        assert (answer.status, answer.json["hits"]) == (200, [])
    problem(await api.get("/search?q=" + "x" * 501), 422, "invalid")
