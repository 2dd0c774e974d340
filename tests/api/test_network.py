"""What nodes of our kind ask each other: `/api/v1/node` and `/api/v1/network/…`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ledger.models import Peer
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.node.network import serving
from ledger.node.network.recognition import Position
from ledger.node.network.visit import News
from tests.node.chains import NETWORK, active_texts, adopt, genesis, grow, reward

from .conftest import Answer, Caller, Reading

BLOCKS = "/api/v1/network/blocks"
ANNOUNCEMENTS = "/api/v1/network/announcements"
READ = ("/api/v1/node", "/api/v1/network/probe", BLOCKS, "/api/v1/network/addresses")


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=NETWORK.difficulty)


@pytest.fixture
def texts(node: lifecycle.Node) -> list[str]:
    """A chain of 50 blocks on this node's own genesis."""
    grown = grow(active_texts(), [[reward("us")]] * 49, 5.0)
    adopt(grown, node.writer)
    return grown


def problem(answer: Answer, status: int, name: str, reason: str) -> bool:
    assert answer.headers["Content-Type"] == "application/problem+json"
    said = json.loads(answer.body)
    assert (answer.status, said["status"]) == (status, status)
    assert said["type"] == f"/api/problems/{name}"
    assert said["title"]
    assert reason in said["detail"]
    return True


def lines(answer: Answer) -> list[Any]:
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.body.endswith(b"\n")
    return [json.loads(line) for line in answer.body.splitlines()]


async def test_a_node_says_who_it_is_and_where_it_stands(
    caller: Caller, node: lifecycle.Node, texts: list[str], reading: Reading
) -> None:
    said = (await caller.get("/api/v1/node")).json
    tip = await reading(lambda: serving.locator()[0])
    first = await reading(lambda: serving.locator()[-1])
    assert said == {
        "software": "chainsite",
        "version": node.conf.version,
        "build": node.conf.build,
        "identifier": node.identity.identifier,
        "capabilities": ["blocks", "transactions", "addresses", "announcements"],
        "network": {"dialect": "seed", "difficulty": NETWORK.difficulty, "genesis": first},
        "tip": {"index": 50, "hash": tip},
        "pool": {"newest": 0},
    }


class TestProbe:
    async def test_a_token_that_was_shown_is_remembered(
        self, caller: Caller, node: lifecycle.Node
    ) -> None:
        await caller.get("/api/v1/node?probe=abc123")
        assert (await caller.get("/api/v1/network/probe?token=abc123")).json == {"seen": True}
        assert (await caller.get("/api/v1/network/probe?token=abc124")).json == {"seen": False}

    async def test_for_a_minute_and_a_thousand_others(
        self, caller: Caller, node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        probes = node.keeper.probes
        probes.show("early")
        for n in range(1023):
            probes.show(f"t{n}")
        assert probes.saw("early")
        probes.show("onemore")
        assert not probes.saw("early")
        assert probes.saw("onemore")
        monkeypatch.setattr(serving, "_REMEMBERED", -1.0)
        assert not probes.saw("onemore")

    @pytest.mark.parametrize("token", ["", "a" * 65, "a b", "ä", "a%00", "a-b"])
    async def test_anything_else_is_no_token(
        self, caller: Caller, node: lifecycle.Node, token: str
    ) -> None:
        for path in (f"/api/v1/node?probe={token}", f"/api/v1/network/probe?token={token}"):
            assert problem(await caller.get(path), 400, "bad-request", "1 to 64 letters and digits")


class TestBlocks:
    async def test_from_the_first_of_the_locators_hashes_that_is_active(
        self, caller: Caller, texts: list[str], reading: Reading
    ) -> None:
        known = await reading(serving.locator)
        head, *blocks = lines(await caller.get(f"{BLOCKS}?locator={'ab' * 32},{known[7]}"))
        assert head["fork"] == {"index": 43, "hash": known[7]}
        assert head["tip"] == {"index": 50, "hash": known[0]}
        assert head["network"] == {"dialect": "seed", "difficulty": NETWORK.difficulty}
        assert [block["index"] for block in blocks] == list(range(44, 51))

    async def test_the_lines_are_the_texts_that_were_hashed(
        self, caller: Caller, texts: list[str], reading: Reading
    ) -> None:
        answer = await caller.get(BLOCKS)
        assert answer.body.decode().splitlines()[1:] == texts
        assert lines(answer)[0]["fork"] == {"index": 0, "hash": None}

    async def test_no_more_than_was_asked_for(self, caller: Caller, texts: list[str]) -> None:
        assert len(lines(await caller.get(f"{BLOCKS}?limit=3"))) == 4
        assert len(lines(await caller.get(f"{BLOCKS}?limit=0"))) == 2

    async def test_at_the_tip_there_is_only_the_head(
        self, caller: Caller, texts: list[str], reading: Reading
    ) -> None:
        known = await reading(serving.locator)
        (head,) = lines(await caller.get(f"{BLOCKS}?locator={known[0]}"))
        assert head["fork"] == head["tip"]

    async def test_a_stale_block_is_no_fork_point(
        self, caller: Caller, node: lifecycle.Node, texts: list[str], reading: Reading
    ) -> None:
        before = await reading(serving.locator)
        await reading(lambda: adopt(grow([genesis(3.0)], [[reward("x")]] * 60, 3.0), node.writer))
        head, *blocks = lines(await caller.get(f"{BLOCKS}?locator={','.join(before)}"))
        assert head["fork"] == {"index": 0, "hash": None}
        assert len(blocks) == 61

    @pytest.mark.parametrize(
        ("query", "reason"),
        [
            ("locator=x", "hashes"),
            ("locator=" + "g" * 64, "hashes"),
            ("locator=" + "A" * 64, "hashes"),
            ("locator=" + ",".join(["a" * 64] * 65), "at most 64"),
            ("limit=-1", "a number from 0 to"),
            ("limit=1e3", "a number from 0 to"),
            ("limit=" + "9" * 400, "a number from 0 to"),
            ("limit=%D9%A3", "a number from 0 to"),
        ],
    )
    async def test_what_is_no_locator_or_limit_is_refused(
        self, caller: Caller, node: lifecycle.Node, query: str, reason: str
    ) -> None:
        assert problem(await caller.get(f"{BLOCKS}?{query}"), 400, "bad-request", reason)


async def test_addresses_are_of_peers_of_our_kind_that_answered_when_last_asked(
    caller: Caller, node: lifecycle.Node, reading: Reading
) -> None:
    from datetime import UTC, datetime

    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    ours = {"kind": "ours", "registered_at": early, "last_success_at": late}
    rows = {
        "good:1": ours,
        "recovered:1": ours | {"last_failure_at": early},
        "old:1": ours | {"kind": "old"},
        "silent:1": ours | {"last_failure_at": late.replace(day=3)},
        "never:1": ours | {"last_success_at": None},
        "paused:1": ours | {"standing": "paused"},
        "banned:1": ours | {"standing": "banned"},
        "alias:1": ours | {"alias_of": "good:1"},
    }
    await reading(
        lambda: Peer.objects.bulk_create(Peer(address=name, **row) for name, row in rows.items())
    )
    said = (await caller.get("/api/v1/network/addresses")).json
    assert sorted(said["addresses"]) == ["good:1", "recovered:1"]


class TestAnnouncements:
    SAID: dict[str, Any] = {  # noqa: RUF012
        "identifier": "b" * 32,
        "port": 8001,
        "tip": {"index": 7, "hash": "cd" * 32},
        "pool": {"newest": 3},
    }

    @pytest.fixture
    def heard(self, node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[News]]:
        found: list[News] = []
        monkeypatch.setattr(node.keeper, "heard", found.append)
        yield found

    async def test_the_sender_is_called_by_its_connection(
        self, caller: Caller, heard: list[News]
    ) -> None:
        answer = await caller.post(ANNOUNCEMENTS, self.SAID)
        assert (answer.status, answer.body) == (204, b"")
        assert heard == [News("b" * 32, "127.0.0.1:8001", Position(7, "cd" * 32), 3)]

    async def test_or_as_it_wants_to_be(self, caller: Caller, heard: list[News]) -> None:
        said = self.SAID | {"address": "Node.Example:80"}
        assert (await caller.post(ANNOUNCEMENTS, said)).status == 204
        assert heard[0].address == "node.example:80"

    async def test_our_own_voice_is_no_news(
        self, caller: Caller, node: lifecycle.Node, heard: list[News]
    ) -> None:
        said = self.SAID | {"identifier": node.identity.identifier}
        assert (await caller.post(ANNOUNCEMENTS, said)).status == 204
        assert heard == []

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"identifier": None}, 400),
            ({"identifier": "a b"}, 400),
            ({"identifier": "x" * 65}, 400),
            ({"port": None}, 400),
            ({"port": True}, 400),
            ({"port": -1}, 400),
            ({"port": 0}, 422),
            ({"port": 22}, 422),
            ({"port": 70000}, 422),
            ({"tip": None}, 400),
            ({"tip": {"index": 1, "hash": None}}, 400),
            ({"tip": {"index": "1", "hash": "cd" * 32}}, 400),
            ({"tip": {"index": 2**53, "hash": "cd" * 32}}, 400),
            ({"tip": {"index": 1, "hash": "CD" * 32}}, 400),
            ({"pool": []}, 204),  # as if it had said nothing
            ({"pool": [1]}, 400),
            ({"pool": {"newest": -1}}, 400),
            ({"pool": {"newest": 1.5}}, 400),
            ({"address": "169.254.169.254:80"}, 422),
            ({"address": "user@host:80"}, 422),
            ({"address": 7}, 422),
        ],
    )
    async def test_what_is_no_announcement_is_refused(
        self, caller: Caller, heard: list[News], changes: dict[str, Any], status: int
    ) -> None:
        answer = await caller.post(ANNOUNCEMENTS, self.SAID | changes)
        assert answer.status == status
        assert status == 204 or problem(answer, status, "bad-request", "")
        assert len(heard) == (status == 204)

    @pytest.mark.parametrize("body", [" ", "[]", "7", "null", "{", "\xff"])
    async def test_nor_is_anything_that_is_no_object(
        self, caller: Caller, heard: list[News], body: str
    ) -> None:
        assert (await caller.post(ANNOUNCEMENTS, body.encode("latin-1"))).status == 400
        assert heard == []

    async def test_forms_cannot_say_it(self, caller: Caller, heard: list[News]) -> None:
        answer = await caller.post(ANNOUNCEMENTS, self.SAID, content_type="text/plain")
        assert problem(answer, 415, "bad-request", "application/json")
        assert heard == []


@pytest.mark.parametrize("path", READ)
async def test_other_methods_are_a_problem_that_names_those_there_are(
    caller: Caller, node: lifecycle.Node, path: str
) -> None:
    answer = await caller.ask("DELETE", path)
    assert problem(answer, 405, "method-not-allowed", "GET, HEAD, OPTIONS")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert (await caller.ask("OPTIONS", path)).status == 204
    assert (await caller.ask("HEAD", path)).status in (200, 400)
