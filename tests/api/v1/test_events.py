"""`/api/v1/events`: what happened after a number, at once or when it does."""

from __future__ import annotations

import asyncio
import time

import pytest

from ledger.models import Event
from ledger.node import lifecycle, waiting
from tests.api.conftest import Reading

from .conftest import Api, accept, mine, problem


async def test_nothing_is_left_out_and_nothing_told_twice(api: Api, node: lifecycle.Node) -> None:
    accept(node)
    mine(node, 3)
    path, seen = "/events?after=0&limit=2", []
    for _ in range(4):
        answer = await api.get(path)
        seen += answer.json["events"]
        path = answer.headers["Link"].partition(">")[0].removeprefix("</api/v1")
        assert f"after={answer.json['after']}" in path
    kinds = [event["kind"] for event in seen]
    assert kinds == ["transaction", "block", "block", "block"]
    assert [event["seq"] for event in seen] == sorted(event["seq"] for event in seen)
    assert seen[0]["data"]["amount"] == "5"
    assert answer.json["newest"] == answer.json["after"] == seen[-1]["seq"]


async def test_without_a_number_it_is_said_how_far_it_goes(
    api: Api, node: lifecycle.Node, reading: Reading
) -> None:
    mine(node)
    newest = await reading(lambda: Event.objects.order_by("-pk")[0].pk)
    assert (await api.get("/events")).json == {"events": [], "after": newest, "newest": newest}


async def test_who_waits_is_told_as_soon_as_it_happens(
    api: Api, node: lifecycle.Node, reading: Reading
) -> None:
    after = (await api.get("/events")).json["after"]
    telling = [asyncio.create_task(api.get(f"/events?after={after}&wait=20")) for _ in range(5)]
    await asyncio.sleep(0.2)
    assert not any(task.done() for task in telling)
    begun = time.monotonic()
    await reading(lambda: accept(node))
    for answer in await asyncio.gather(*telling):
        assert [event["kind"] for event in answer.json["events"]] == ["transaction"]
    assert time.monotonic() - begun < 5


async def test_who_waits_in_vain_is_answered_when_the_time_is_over(api: Api) -> None:
    after = (await api.get("/events")).json["after"]
    begun = time.monotonic()
    answer = await api.get(f"/events?after={after}&wait=0.3")
    assert answer.json["events"] == []
    assert time.monotonic() - begun >= 0.3
    assert waiting._waiting == 0


async def test_what_another_process_did_is_noticed_by_the_clock(
    api: Api, node: lifecycle.Node, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_LOOK_EVERY", 0.1)
    monkeypatch.setattr(node.committed, "announce", lambda: None)
    after = (await api.get("/events")).json["after"]
    telling = asyncio.create_task(api.get(f"/events?after={after}&wait=20"))
    await asyncio.sleep(0.1)
    await reading(lambda: accept(node))
    assert len((await telling).json["events"]) == 1


async def test_too_many_who_wait_are_told_to_come_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MOST", 1)
    after = (await api.get("/events")).json["after"]
    first = asyncio.create_task(api.get(f"/events?after={after}&wait=1"))
    await asyncio.sleep(0.3)
    answer = await api.get(f"/events?after={after}&wait=1")
    problem(answer, 503, "overloaded", "waiting for news")
    assert answer.headers["Retry-After"] == "5"
    assert (await first).status == 200


async def test_who_hangs_up_does_not_wait_any_more(api: Api) -> None:
    after = (await api.get("/events")).json["after"]
    telling = asyncio.create_task(api.get(f"/events?after={after}&wait=20"))
    await asyncio.sleep(0.2)
    assert waiting._waiting == 1
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
    assert waiting._waiting == 0


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=1&wait=-1", "wait=nan", "limit=x"])
async def test_what_is_no_number_is_refused(api: Api, query: str) -> None:
    problem(await api.get(f"/events?{query}"), 422, "invalid")
