"""`/api/v1/address`: balance and history."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from ledger.node import lifecycle

from .conftest import Api, accept, mine, problem


async def test_an_address_has_its_balance_and_what_waits_for_it(
    api: Api, node: lifecycle.Node, texts: list[str]
) -> None:
    waiting = accept(node, sender="carol", recipient="bob", amount=2**62)
    bob = (await api.get("/address?name=bob")).json
    assert (bob["balance"], bob["received"], bob["sent"]) == ("55", "55", "0")
    assert bob["entries"] == 12
    assert [row["id"] for row in bob["pending"]] == [waiting]
    carol = (await api.get("/address?name=carol")).json
    assert (carol["entries"], carol["balance"]) == (0, "0"), "known by the pool alone"


async def test_sums_beyond_64_bits_are_exact(api: Api, node: lifecycle.Node) -> None:
    for _ in range(3):
        accept(node, sender="rich", recipient="richer", amount=2**63 - 1)
    mine(node)
    richer = (await api.get("/address?name=richer")).json
    assert richer["balance"] == str(3 * (2**63 - 1))
    history = await api.pages("/address/history?name=richer", "history")
    assert [row["balance"] for row in history] == [str(n * (2**63 - 1)) for n in (3, 2, 1)]


async def test_its_history_comes_in_pages_with_the_balance_after_each(
    api: Api, texts: list[str]
) -> None:
    rows = await api.pages("/address/history?name=bob&limit=5", "history")
    assert [row["index"] for row in rows] == [12, 12, *range(11, 1, -1)]
    assert [row["balance"] for row in rows[:3]] == ["55", "50", "50"]
    irregular = rows[1]
    assert (irregular["irregular"], irregular["change"]) == ("amount must not be negative", "0")
    assert {row["irregular"] for row in rows if row is not irregular} == {""}
    assert rows[-1]["change"] == rows[-1]["balance"] == "5"


async def test_a_cursor_is_good_for_its_address_alone(api: Api, texts: list[str]) -> None:
    cursor = (await api.get("/address/history?name=bob&limit=2")).json["next"]
    for asked in (
        f"name=alice&cursor={quote(cursor)}",
        "name=bob&cursor=1.0.99999.bob",
        "name=bob&cursor=x",
    ):
        problem(await api.get(f"/address/history?{asked}"), 400, "bad-request", "as it was given")


@pytest.mark.parametrize("name", ["a/b", "..", ".", "?#&%", "밥", " ", "x" * 256])
async def test_any_name_can_be_asked_for(api: Api, node: lifecycle.Node, name: str) -> None:
    accept(node, recipient=name)
    mine(node)
    assert (await api.get(f"/address?name={quote(name, safe='')}")).json["name"] == name
    answer = await api.get(f"/address/history?name={quote(name, safe='')}")
    assert len(answer.json["history"]) == 1


@pytest.mark.parametrize("name", ["nobody", "", "a%00b", "x" * 257])
@pytest.mark.parametrize("path", ["/address", "/address/history"])
async def test_an_address_of_nothing_is_a_problem(api: Api, path: str, name: str) -> None:
    problem(await api.get(f"{path}?name={name}"), 404, "not-found")


async def test_without_a_name_it_is_said_what_is_missing(api: Api) -> None:
    said = problem(await api.get("/address"), 422, "invalid")
    assert said["errors"] == [{"where": "query.name", "reason": "Field required"}]
