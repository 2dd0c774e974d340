"""POST /nodes/register."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.models import Event, Peer
from ledger.node import lifecycle, operator
from ledger.node.conf import NodeConf

from .conftest import Caller, Reading, Unchanged

PATH = "/nodes/register"


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
async def test_it_answers_with_all_that_are_known(
    node: lifecycle.Node, caller: Caller, path: str
) -> None:
    nodes = ["http://192.168.0.5:5000", "192.168.0.6:5000"]
    answer = await caller.post(path, {"nodes": nodes})
    assert answer.status == 201
    assert answer.json == {
        "message": "New nodes have been added",
        "total_nodes": ["192.168.0.5:5000", "192.168.0.6:5000"],
    }
    answer = await caller.post(path, {"nodes": ["http://localhost:5001/"]})
    assert answer.json["total_nodes"] == [
        "192.168.0.5:5000",
        "192.168.0.6:5000",
        "localhost:5001",
    ]


async def test_a_peer_is_known_once_however_it_is_spelled(
    node: lifecycle.Node, caller: Caller, reading: Reading
) -> None:
    first = ["LOCALHOST:5000", "http://localhost:5000", "localhost:5000/", "[::1]:5000"]
    again = ["localhost.:5000", "http://[0:0::1]:5000/"]
    for nodes in (first, again, first):
        answer = await caller.post(PATH, {"nodes": nodes})
        assert (answer.status, answer.json["total_nodes"]) == (
            201,
            ["localhost:5000", "[::1]:5000"],
        )
    assert await reading(Event.objects.filter(kind="peer").count) == 2


async def test_parallel_registrations_lose_nobody(
    node: lifecycle.Node, caller: Caller, reading: Reading
) -> None:
    calls = [caller.post(PATH, {"nodes": [f"10.0.0.{n % 20}:5000"]}) for n in range(40)]
    answers = await asyncio.gather(*calls)
    assert {answer.status for answer in answers} == {201}
    assert await reading(Peer.objects.count) == 20


async def test_peers_survive_a_restart(
    node: lifecycle.Node, conf: NodeConf, caller: Caller
) -> None:
    await caller.post(PATH, {"nodes": ["10.0.0.1:5000"]})
    await asyncio.to_thread(lifecycle.stop)
    await asyncio.to_thread(lifecycle.start, conf)
    answer = await caller.post(PATH, {"nodes": ["10.0.0.2:5000"]})
    assert answer.json["total_nodes"] == ["10.0.0.1:5000", "10.0.0.2:5000"]


@pytest.mark.parametrize(
    "bad", ["https://x:5000", "169.254.169.254:80", "x:0", "", 5000, None, ["x:1"]], ids=repr
)
async def test_one_that_is_no_address_means_that_none_is_taken(
    node: lifecycle.Node, caller: Caller, unchanged: Unchanged, bad: Any
) -> None:
    async with unchanged():
        for nodes in (["10.0.0.1:5000", bad], [bad, "10.0.0.1:5000"]):
            assert (await caller.post(PATH, {"nodes": nodes})).refuses(400)


async def test_a_banned_one_means_that_none_is_taken(
    node: lifecycle.Node, caller: Caller, unchanged: Unchanged
) -> None:
    await asyncio.to_thread(operator.ban_peer, "10.0.0.1:5000", "a secret reason")
    async with unchanged():
        answer = await caller.post(PATH, {"nodes": ["10.0.0.2:5000", "http://10.0.0.1:5000/"]})
    assert answer.refuses(400, "10.0.0.1:5000 is banned on this node")
    assert "secret" not in answer.text
    answer = await caller.post(PATH, {"nodes": ["10.0.0.2:5000"]})
    assert answer.json["total_nodes"] == ["10.0.0.2:5000"]


async def test_all_faults_are_named_at_once(node: lifecycle.Node, caller: Caller) -> None:
    answer = await caller.post(PATH, {"nodes": ["ftp://a", "fine:5000", "b:0", 7]})
    assert answer.refuses(400, "'ftp://a'")
    assert "'b:0'" in answer.text
    assert "an address is a string" in answer.text
    assert "fine" not in answer.text


@pytest.mark.parametrize(
    ("policy", "taken", "refused"),
    [
        ("loopback", "127.0.0.1:5000", "10.0.0.1:5000"),
        ("private", "10.0.0.1:5000", "1.1.1.1:5000"),
    ],
)
async def test_the_operator_may_keep_the_node_at_home(
    ledger_db: Path, conf: NodeConf, caller: Caller, policy: str, taken: str, refused: str
) -> None:
    await asyncio.to_thread(lifecycle.start, replace(conf, peer_policy=policy))
    try:
        assert (await caller.post(PATH, {"nodes": [taken]})).status == 201
        answer = await caller.post(PATH, {"nodes": [refused]})
        assert answer.refuses(400, f"{refused} leads where this node does not connect")
    finally:
        await asyncio.to_thread(lifecycle.stop)


class TestAtMost64:
    @staticmethod
    def nodes(first: int, last: int) -> dict[str, list[str]]:
        return {"nodes": [f"10.0.0.{n}:5000" for n in range(first, last + 1)]}

    async def test_64_are_kept_and_one_more_is_503(
        self, node: lifecycle.Node, caller: Caller, unchanged: Unchanged
    ) -> None:
        assert (await caller.post(PATH, self.nodes(1, 60))).status == 201
        async with unchanged():
            answer = await caller.post(PATH, self.nodes(56, 65))
            assert answer.refuses(503, "at most 64 peers")
            assert answer.headers["Retry-After"] == "60"
        assert (await caller.post(PATH, self.nodes(56, 64))).status == 201
        async with unchanged():
            assert (await caller.post(PATH, self.nodes(65, 65))).refuses(503)
            answer = await caller.post(PATH, self.nodes(1, 64))
            assert (answer.status, len(answer.json["total_nodes"])) == (201, 64)

    async def test_too_many_at_once_are_refused_whole(
        self, node: lifecycle.Node, caller: Caller, unchanged: Unchanged
    ) -> None:
        async with unchanged():
            assert (await caller.post(PATH, self.nodes(1, 65))).refuses(503)
            many = {"nodes": [f"h{n}:5000" for n in range(4000)]}
            assert (await caller.post(PATH, many)).refuses(503)
