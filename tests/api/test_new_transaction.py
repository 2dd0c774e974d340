"""POST /transactions/new."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ledger.models import Event, Transaction
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from tests import databases

from .conftest import Caller, Reading, Unchanged, until

PATH = "/transactions/new"
VALUE = {"sender": "alice", "recipient": "bob", "amount": 5}


@contextmanager
def held(node: lifecycle.Node) -> Iterator[None]:
    """Keep the writer busy, so that what comes meanwhile waits and is written as one group."""
    begun, go_on = threading.Event(), threading.Event()
    node.writer.submit(lambda: (begun.set(), go_on.wait(10)))
    assert begun.wait(10)  # or what comes could be taken up together with this
    try:
        yield
    finally:
        go_on.set()


@pytest.fixture
def groups(node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many submissions came to each call of the door."""
    sizes: list[int] = []
    accept = node.door.accept

    def counting(submissions: Any) -> Any:
        sizes.append(len(submissions))
        return accept(submissions)

    monkeypatch.setattr(node.door, "accept", counting)
    return sizes


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
async def test_it_is_acknowledged_with_the_next_block_and_an_id(
    node: lifecycle.Node, caller: Caller, reading: Reading, path: str
) -> None:
    answer = await caller.post(path, VALUE)
    assert answer.status == 201
    assert set(answer.json) == {"message", "id"}
    assert answer.json["message"] == "Transaction will be added to Block 2"
    assert uuid.UUID(answer.json["id"]).version == 7
    row = await reading(Transaction.objects.get)
    assert (str(row.uid), row.state) == (answer.json["id"], "pending")
    assert {"sender": row.sender, "recipient": row.recipient, "amount": row.amount} == VALUE
    await caller.get("/mine")
    answer = await caller.post(path, VALUE)
    assert answer.json["message"] == "Transaction will be added to Block 3"


async def test_two_alike_are_two(node: lifecycle.Node, caller: Caller, reading: Reading) -> None:
    answers = [await caller.post(PATH, VALUE) for _ in range(2)]
    assert answers[0].json["id"] != answers[1].json["id"]
    mined = (await caller.get("/mine")).json
    assert mined["transactions"][:-1] == [VALUE, VALUE]
    assert (await reading(lifecycle.verify)).sound


@pytest.mark.parametrize("amount", [0, 1, 2**53, 2**53 + 1, 2**63 - 1])
async def test_an_amount_is_kept_exactly(node: lifecycle.Node, caller: Caller, amount: int) -> None:
    assert (await caller.post(PATH, VALUE | {"amount": amount})).status == 201
    answer = await caller.get("/mine")
    assert answer.json["transactions"][0]["amount"] == amount
    assert f'"amount": {amount},' in (await caller.get("/chain")).text


@pytest.mark.parametrize("name", ["x", "x" * 256, "밥" * 256, "🚀", " ", "00", "<b>", "\u202e"])
async def test_names_are_kept_exactly(node: lifecycle.Node, caller: Caller, name: str) -> None:
    value = {"sender": name, "recipient": name, "amount": 1}
    for body in (json.dumps(value), json.dumps(value, ensure_ascii=False).encode()):
        assert (await caller.post(PATH, body)).status == 201
    assert (await caller.get("/mine")).json["transactions"][:-1] == [value, value]


async def test_other_keys_are_not_taken_along(node: lifecycle.Node, caller: Caller) -> None:
    assert (await caller.post(PATH, VALUE | {"note": "x", "id": 7})).status == 201
    assert (await caller.get("/mine")).json["transactions"][0] == VALUE


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/json;x=1"]
)
async def test_json_may_be_announced_in_any_spelling(
    node: lifecycle.Node, caller: Caller, content_type: str
) -> None:
    assert (await caller.post(PATH, VALUE, content_type=content_type)).status == 201


class TestIdempotencyKey:
    async def test_the_same_request_gets_the_same_answer_and_counts_once(
        self, node: lifecycle.Node, caller: Caller, reading: Reading
    ) -> None:
        first = await caller.post(PATH, VALUE, Idempotency_Key="a b~!")
        await caller.get("/mine")  # the next block is another one by now
        again = await caller.post(PATH, VALUE, Idempotency_Key="a b~!")
        assert (again.status, again.json) == (201, first.json)
        assert await reading(Transaction.objects.count) == 1
        assert await reading(Event.objects.filter(kind="transaction").count) == 1

    async def test_also_when_both_are_written_together(
        self, node: lifecycle.Node, caller: Caller, reading: Reading, groups: list[int]
    ) -> None:
        with held(node):
            calls = [caller.post(PATH, VALUE, Idempotency_Key="k") for _ in range(10)]
            other = caller.post(PATH, VALUE | {"amount": 6}, Idempotency_Key="k")
            tasks = [asyncio.create_task(call) for call in (*calls, other)]
            await until(lambda: node.writer.waiting == 11)
        *answers, last = await asyncio.gather(*tasks)
        assert groups == [11], "they came in one group"
        assert {answer.status for answer in answers} == {201}
        assert len({answer.body for answer in answers}) == 1
        assert last.refuses(422, "Idempotency-Key")
        assert await reading(Transaction.objects.count) == 1

    async def test_also_after_a_restart(
        self, node: lifecycle.Node, conf: NodeConf, caller: Caller, reading: Reading
    ) -> None:
        first = await caller.post(PATH, VALUE, Idempotency_Key="k")
        await caller.get("/mine")
        await asyncio.to_thread(lifecycle.stop)
        await asyncio.to_thread(lifecycle.start, conf)
        again = await caller.post(PATH, VALUE, Idempotency_Key="k")
        assert (again.status, again.json) == (201, first.json)
        assert await reading(Transaction.objects.count) == 1

    @pytest.mark.parametrize(
        "change", [{"amount": 6}, {"sender": "Alice"}, {"recipient": "bob "}, {"amount": 0}]
    )
    async def test_another_request_under_the_same_key_is_422(
        self,
        node: lifecycle.Node,
        caller: Caller,
        unchanged: Unchanged,
        change: dict[str, Any],
    ) -> None:
        await caller.post(PATH, VALUE, Idempotency_Key="k")
        async with unchanged():
            answer = await caller.post(PATH, VALUE | change, Idempotency_Key="k")
            assert answer.refuses(422, "came before with another transaction")

    @pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "a\x7f", "\u00e9"])
    async def test_a_bad_key_is_400(
        self, node: lifecycle.Node, caller: Caller, unchanged: Unchanged, key: str
    ) -> None:
        async with unchanged():
            answer = await caller.post(PATH, VALUE, Idempotency_Key=key)
            assert answer.refuses(400, "Idempotency-Key is 1 to 255 printable ASCII characters")

    async def test_a_refused_request_does_not_use_its_key_up(
        self, node: lifecycle.Node, caller: Caller
    ) -> None:
        refused = await caller.post(PATH, VALUE | {"amount": -1}, Idempotency_Key="k")
        assert refused.refuses(400)
        assert (await caller.post(PATH, VALUE, Idempotency_Key="k")).status == 201


SPOILERS: dict[str, tuple[str, str]] = {
    "the commit": (
        "AFTER INSERT ON ledger_transaction",
        "INSERT INTO ledger_activeblock VALUES (-1, 999999)",
    ),
    "the statement": ("AFTER INSERT ON ledger_transaction", "fail"),
    "the event's statement": ("BEFORE INSERT ON ledger_event", "fail"),
}


class TestAcknowledgedMeansCommitted:
    async def test_no_answer_comes_before_the_commit(
        self, node: lifecycle.Node, caller: Caller, reading: Reading, groups: list[int]
    ) -> None:
        with held(node):
            tasks = [asyncio.create_task(caller.post(PATH, VALUE)) for _ in range(20)]
            await asyncio.sleep(0.2)
            assert not any(task.done() for task in tasks)
            assert await reading(Transaction.objects.count) == 0
        answers = await asyncio.gather(*tasks)
        assert [answer.status for answer in answers] == [201] * 20
        assert groups == [20], "one commit served them all"
        uids = await reading(lambda: {str(row.uid) for row in Transaction.objects.all()})
        assert {answer.json["id"] for answer in answers} == uids

    @pytest.mark.parametrize("what", SPOILERS)
    async def test_what_cannot_be_stored_is_503_and_leaves_no_row(
        self, node: lifecycle.Node, caller: Caller, unchanged: Unchanged, what: str
    ) -> None:
        await node.writer.perform(lambda: databases.spoil(*SPOILERS[what]))
        async with unchanged():
            with held(node):
                tasks = [asyncio.create_task(caller.post(PATH, VALUE)) for _ in range(5)]
                await until(lambda: node.writer.waiting == 5)
            for answer in await asyncio.gather(*tasks):
                assert answer.refuses(503, "the database could not store this")
                assert answer.headers["Retry-After"] == "5"
        await node.writer.perform(databases.heal)
        assert (await caller.post(PATH, VALUE)).status == 201

    @pytest.mark.sqlite("how large a server's database may grow is not told by a session")
    async def test_a_full_disk_is_503_until_there_is_room_again(
        self, node: lifecycle.Node, caller: Caller, reading: Reading, unchanged: Unchanged
    ) -> None:
        await node.writer.perform(fill_the_disk)
        value = VALUE | {"sender": "밥" * 256}
        taken = 0
        while (answer := await caller.post(PATH, value)).status == 201:
            taken += 1
            assert taken < 1000
        assert answer.refuses(503, "full")
        assert taken
        assert await reading(Transaction.objects.count) == taken, "the 201s, and nothing else"
        async with unchanged():
            assert (await caller.post(PATH, value)).refuses(503)
            assert (await caller.get("/mine")).refuses(503)
        await node.writer.perform(lambda: execute("PRAGMA max_page_count = 1073741823"))
        assert (await caller.post(PATH, value)).status == 201
        assert len((await caller.get("/mine")).json["transactions"]) == taken + 2
        assert (await reading(lifecycle.verify)).sound

    async def test_who_hangs_up_before_its_turn_leaves_nothing_behind(
        self, node: lifecycle.Node, caller: Caller, unchanged: Unchanged
    ) -> None:
        async with unchanged():
            with held(node):
                task = asyncio.create_task(caller.post(PATH, VALUE))
                await until(lambda: node.writer.waiting == 1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def fill_the_disk() -> None:
    """Let this connection's file grow by a few pages and no more."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count = {pages + 4}")


class TestFullPool:
    @pytest.fixture
    def conf(self, tmp_path: Path) -> NodeConf:
        conf = NodeConf.from_settings()
        return replace(conf, data=tmp_path, dialect="seed", difficulty=2, pool_transactions=3)

    async def test_it_is_503_until_a_block_makes_room(
        self, node: lifecycle.Node, caller: Caller, unchanged: Unchanged
    ) -> None:
        for n in range(3):
            key = f"k{n}"
            assert (await caller.post(PATH, VALUE, Idempotency_Key=key)).status == 201
        async with unchanged():
            answer = await caller.post(PATH, VALUE)
            assert answer.refuses(503, "the pool is full (3 transactions)")
            assert answer.headers["Retry-After"] == "5"
            again = await caller.post(PATH, VALUE, Idempotency_Key="k0")
            assert again.status == 201, "that one is in the pool already"
        assert len((await caller.get("/mine")).json["transactions"]) == 4
        assert (await caller.post(PATH, VALUE)).status == 201

    async def test_the_limit_holds_within_a_group(
        self, node: lifecycle.Node, caller: Caller, reading: Reading, groups: list[int]
    ) -> None:
        with held(node):
            tasks = [asyncio.create_task(caller.post(PATH, VALUE)) for _ in range(8)]
            await until(lambda: node.writer.waiting == 8)
        statuses = sorted([(await task).status for task in tasks])
        assert statuses == [201] * 3 + [503] * 5
        assert groups == [8]
        assert await reading(Transaction.objects.count) == 3


class TestPoolOfFewBytes:
    @pytest.fixture
    def conf(self, tmp_path: Path) -> NodeConf:
        conf = NodeConf.from_settings()
        return replace(conf, data=tmp_path, dialect="seed", difficulty=2, pool_bytes=600)

    async def test_bytes_are_counted_as_a_block_takes_them(
        self, node: lifecycle.Node, caller: Caller
    ) -> None:
        # Escaped in the seed's text, a Korean letter takes six bytes.
        long = {"sender": "밥" * 70, "recipient": "x", "amount": 1}
        assert (await caller.post(PATH, long)).status == 201
        assert (await caller.post(PATH, long)).refuses(503, "the pool is full (1 transactions)")
        assert (await caller.post(PATH, {**long, "sender": "x"})).status == 201


async def test_too_many_writers_are_503(
    node: lifecycle.Node, caller: Caller, monkeypatch: pytest.MonkeyPatch, unchanged: Unchanged
) -> None:
    monkeypatch.setattr(node.writer, "_depth", 1)
    tasks = []
    with held(node):
        await until(lambda: not node.writer.waiting)  # what holds it was taken up
        tasks.append(asyncio.create_task(caller.post(PATH, VALUE)))
        await until(lambda: node.writer.waiting)
        async with unchanged():
            answer = await caller.post(PATH, VALUE)
            assert answer.refuses(503, "too many requests are waiting to be written")
            assert answer.headers["Retry-After"] == "1"
    assert (await tasks[0]).status == 201
