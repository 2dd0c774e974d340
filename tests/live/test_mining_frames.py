"""The search under way, as clients hear of it."""

from __future__ import annotations

from dataclasses import replace

import pytest


@pytest.fixture
def conf(conf):
    return replace(conf, difficulty=8)  # a minute or an hour: it will not end by itself


async def test_tries_are_told_as_they_grow_and_the_end_of_the_search_too(client, node):
    socket = await client()
    future = node.miner.mine()
    told = []
    while len(told) < 3:
        frame = await socket.first("mining")
        if frame["data"]["tries"]:
            told.append(frame["data"])
    node.miner.cancel()
    while (last := await socket.first("mining"))["data"]["searching"] is not None:
        pass

    assert future.exception() is not None
    assert [word["searching"] for word in told] == [2, 2, 2]
    assert told[0]["tries"] < told[1]["tries"] < told[2]["tries"]
    assert told[0]["odds"] == 16**8
    assert "seq" not in last


async def test_who_comes_during_a_search_hears_of_it_at_once(client, node):
    searching = await client()
    node.miner.mine()
    while (await searching.first("mining"))["data"]["searching"] is None:
        pass
    new, back = await client(), await client("?after=0")

    assert (await new.frame())["data"]["mining"]["searching"] == 2
    assert (await new.first("mining"))["data"]["searching"] == 2
    assert (await back.first("mining"))["data"]["searching"] == 2
    node.miner.cancel()
