"""GET /mine."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.models import Block, Inclusion, Transaction
from ledger.node import branch as branches
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from tests import databases
from tests.clocks import ON_LINUX, Stopwatch, children_of, is_at_work, processor_seconds
from tests.consensus.chains import body_of, make_chain, read
from tests.processes import NodeProcess

from .conftest import Caller, Reading, Unchanged, until

Chain = Callable[[], Awaitable[list[Any]]]


@pytest.mark.parametrize("path", ["/mine", "/mine/"])
async def test_it_answers_with_the_block_as_it_is_on_the_chain(
    node: lifecycle.Node, caller: Caller, chain: Chain, path: str
) -> None:
    answer = await caller.get(path)
    assert answer.status == 200
    genesis, block = await chain()
    assert answer.json == {
        "message": "New Block Forged",
        "index": 2,
        "transactions": [{"sender": "0", "recipient": node.identity.identifier, "amount": 1}],
        "proof": block["proof"],
        "previous_hash": block["previous_hash"],
    }
    assert {"message": "New Block Forged", **block} == {
        **answer.json,
        "timestamp": block["timestamp"],
    }
    assert genesis["proof"] == 100
    assert re.fullmatch("[0-9a-f]{32}", node.identity.identifier)


async def test_what_waits_goes_into_the_block_in_order_and_the_reward_stands_last(
    node: lifecycle.Node, caller: Caller, chain: Chain
) -> None:
    sent = [{"sender": f"s{n}", "recipient": "bob", "amount": n} for n in range(5)]
    for value in sent:
        assert (await caller.post("/transactions/new", value)).status == 201
    answer = await caller.get("/mine")
    reward = {"sender": "0", "recipient": node.identity.identifier, "amount": 1}
    assert answer.json["transactions"] == [*sent, reward]
    assert (await chain())[-1]["transactions"] == [*sent, reward]
    assert (await caller.get("/mine")).json["transactions"] == [reward], "they are in one block"


async def test_text_of_any_kind_comes_back_as_it_was_sent(
    node: lifecycle.Node, caller: Caller
) -> None:
    value = {"sender": "앨리스 </script>🚀", "recipient": '"\\/\u2028\u202e', "amount": 2**63 - 1}
    assert (await caller.post("/transactions/new", value)).status == 201
    assert (await caller.get("/mine")).json["transactions"][0] == value


async def test_parallel_calls_each_get_a_block_of_their_own(
    node: lifecycle.Node, caller: Caller, chain: Chain
) -> None:
    answers = await asyncio.gather(*(caller.get("/mine") for _ in range(8)))
    assert sorted(answer.json["index"] for answer in answers) == list(range(2, 10))
    on_chain = {block["index"]: block for block in await chain()}
    for answer in answers:
        block = on_chain[answer.json["index"]]
        assert block["proof"] == answer.json["proof"]
        assert block["previous_hash"] == answer.json["previous_hash"]
        assert block["transactions"] == answer.json["transactions"]


async def test_head_mines_nothing(
    node: lifecycle.Node, caller: Caller, unchanged: Unchanged
) -> None:
    async with unchanged():
        answer = await caller.ask("HEAD", "/mine")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["Content-Type"] == "application/json"
        await asyncio.sleep(0.2)


class TestWhenBlocksAreHardToFind:
    @pytest.fixture
    def conf(self, tmp_path: Path) -> NodeConf:
        settings = NodeConf.from_settings()
        return replace(settings, data=tmp_path, dialect="seed", difficulty=12, mine_queue=3)

    async def test_a_full_queue_is_429_and_says_when_to_come_again(
        self, node: lifecycle.Node, caller: Caller, unchanged: Unchanged
    ) -> None:
        async with unchanged():
            tasks = [asyncio.create_task(caller.get("/mine"))]
            await until(lambda: node.miner.state().searching)
            tasks += [asyncio.create_task(caller.get("/mine")) for _ in range(3)]
            await until(lambda: node.miner.state().waiting == 3)
            answer = await caller.get("/mine")
            assert answer.refuses(429, "3 requests for a block are waiting")
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
            assert (await caller.get("/chain")).status == 200, "others are served meanwhile"
            node.miner.cancel()
            for task in tasks:
                cancelled = await task
                assert cancelled.refuses(503, "cancelled")
                assert cancelled.headers["Retry-After"] == "1"

    async def test_who_hangs_up_leaves_the_queue(
        self, node: lifecycle.Node, caller: Caller, unchanged: Unchanged
    ) -> None:
        async with unchanged():
            for _ in range(10):  # more than the queue holds
                task = asyncio.create_task(caller.get("/mine"))
                await asyncio.sleep(0.02)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            hung_up = Stopwatch()
            await until(lambda: node.miner.state().searching is None)
            assert hung_up.seconds < 1


class TestDuringTheSearch:
    @pytest.fixture
    def held(self, node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch) -> Iterator[HeldSearch]:
        search = HeldSearch(node.miner._searcher.find)
        monkeypatch.setattr(node.miner._searcher, "find", search)
        yield search
        search.go_on.set()

    async def test_a_transaction_that_comes_waits_for_the_next_block(
        self, node: lifecycle.Node, caller: Caller, held: HeldSearch
    ) -> None:
        early, late = ({"sender": name, "recipient": "b", "amount": 1} for name in ("a", "z"))
        await caller.post("/transactions/new", early)
        mined = asyncio.create_task(caller.get("/mine"))
        await asyncio.to_thread(held.begun.wait)
        answer = await caller.post("/transactions/new", late)
        assert answer.json["message"] == "Transaction will be added to Block 2"
        held.go_on.set()
        assert (await mined).json["transactions"][:-1] == [early]
        assert (await caller.get("/mine")).json["transactions"][:-1] == [late]

    async def test_a_tip_that_moves_makes_it_begin_again(
        self, node: lifecycle.Node, caller: Caller, held: HeldSearch, reading: Reading
    ) -> None:
        value = {"sender": "a", "recipient": "b", "amount": 1}
        await caller.post("/transactions/new", value)
        mined = asyncio.create_task(caller.get("/mine"))
        await asyncio.to_thread(held.begun.wait)
        network = node.identity.network
        branch = await reading(
            lambda: branches.spool(read(body_of(make_chain(network, 4)), network))
        )
        await asyncio.to_thread(branches.adopt, branch, network, node.writer, "peer", "x:1")
        held.go_on.set()
        answer = await mined
        assert (answer.json["index"], answer.json["previous_hash"]) == (5, branch.tip_hash)
        assert answer.json["transactions"][:-1] == [value]
        assert held.searches == 2, "the first search was for nothing"
        assert (await reading(lifecycle.verify)).sound


class HeldSearch:
    """A search that waits for a word before it begins."""

    def __init__(self, find: Callable[..., Any]) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.searches = 0
        self._find = find

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.searches += 1
        self.begun.set()
        assert self.go_on.wait(10)
        return self._find(*arguments, **options)


async def test_a_block_that_cannot_be_committed_is_503_and_not_on_the_chain(
    node: lifecycle.Node, caller: Caller, reading: Reading
) -> None:
    def fail_at_commit() -> None:  # a foreign key is only looked at by COMMIT
        databases.spoil(
            "AFTER INSERT ON ledger_activeblock",
            "INSERT INTO ledger_activeblock VALUES (-1, 999999)",
        )

    value = {"sender": "a", "recipient": "b", "amount": 1}
    assert (await caller.post("/transactions/new", value)).status == 201
    await node.writer.perform(fail_at_commit)
    answer = await caller.get("/mine")
    assert answer.refuses(503, "the database could not store this")
    assert answer.headers["Retry-After"] == "5"
    assert await reading(Block.objects.count) == 1
    assert await reading(Inclusion.objects.count) == 0
    assert await reading(Transaction.objects.filter(state="pending").count) == 1
    await node.writer.perform(databases.heal)
    assert (await caller.get("/mine")).json["transactions"][0] == value
    assert (await reading(lifecycle.verify)).sound


def searched(child: int) -> float:
    """The seconds a child's first thread has had of a processor: it searches, and nothing else.

    Not the clock, since it gives way to all others; nor what the whole child has had: after a
    second's search, which five late hang-ups may come to, a quicker kernel is made beside it.
    """
    return int(Path(f"/proc/{child}/schedstat").read_text().split()[0]) / 1e9


@pytest.mark.skipif(not ON_LINUX, reason="reads /proc")
def test_a_client_that_hangs_up_costs_no_more_than_a_second(
    node_process: Callable[..., NodeProcess],
) -> None:
    process = node_process(dialect="seed", difficulty=8)  # 16**8 tries: it does not end by luck
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", process.port)) as client:
            client.sendall(b"GET /mine HTTP/1.1\r\nHost: localhost\r\n\r\n")
            deadline = time.monotonic() + 60
            while not (searching := children_of(process.process.pid)):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            (child,) = searching
            before = searched(child)
            while searched(child) < before + 0.1:
                assert time.monotonic() < deadline, "the search never ran"
                time.sleep(0.02)
    before, deadline = searched(child), time.monotonic() + 60
    while is_at_work(child):
        assert searched(child) < before + 1, "it searches for a client that is gone"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert searched(child) < before + 1
    assert process.get("/chain").json()["length"] == 1
    both = searched(child) + processor_seconds(process.process.pid)
    time.sleep(0.5)
    assert searched(child) + processor_seconds(process.process.pid) - both <= 0.05
