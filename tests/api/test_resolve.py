"""GET /nodes/resolve."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any

import pytest

from ledger.consensus import Network, hash_of
from ledger.models import Block, Event, Peer
from ledger.node import lifecycle
from tests import databases
from tests.consensus.chains import body_of, make_chain
from tests.network.hostile import RawPeer, whole
from tests.network.old_node import RecordedNode

from .conftest import Caller, Reading, Unchanged

Chain = Callable[[], Awaitable[list[Any]]]

PATH = "/nodes/resolve"


def serving(node: lifecycle.Node, length: int, *contents: list[Any]) -> RecordedNode:
    """A peer with a valid chain of that many blocks."""
    return RecordedNode(body_of(make_chain(node.identity.network, length, contents)))


async def register(caller: Caller, *peers: RawPeer | RecordedNode) -> None:
    answer = await caller.post("/nodes/register", {"nodes": [peer.address for peer in peers]})
    assert answer.status == 201


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
async def test_without_peers_our_chain_is_authoritative(
    node: lifecycle.Node, caller: Caller, unchanged: Unchanged, chain: Chain, path: str
) -> None:
    async with unchanged():
        answer = await caller.get(path)
        assert answer.status == 200
        assert answer.json == {
            "message": "Our chain is authoritative",
            "chain": await chain(),
        }


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
async def test_a_longer_chain_replaces_ours(
    node: lifecycle.Node, caller: Caller, chain: Chain, path: str
) -> None:
    theirs = list(make_chain(node.identity.network, 3))
    with serving(node, 3) as peer:
        await register(caller, peer)
        answer = await caller.get(path)
    assert answer.status == 200
    assert answer.json == {"message": "Our chain was replaced", "new_chain": theirs}
    assert await chain() == theirs


@pytest.mark.parametrize("length", [1, 2, 3])
async def test_one_that_is_not_longer_does_not(
    node: lifecycle.Node, caller: Caller, chain: Chain, reading: Reading, length: int
) -> None:
    for _ in range(2):
        await caller.get("/mine")
    before = await chain()
    with serving(node, length) as peer:
        await register(caller, peer)
        for _ in range(2):
            answer = await caller.get(PATH)
            assert answer.json == {"message": "Our chain is authoritative", "chain": before}
    assert await chain() == before
    row = await reading(Peer.objects.get)
    assert (row.length, row.failure) == (length, ""), "that is no failure of the peer's"


async def test_of_several_the_longest_is_followed(
    node: lifecycle.Node, caller: Caller, reading: Reading
) -> None:
    lengths = (3, 6, 2, 5)
    with ExitStack() as stack:
        peers = [stack.enter_context(serving(node, n, [], [{"of": n}])) for n in lengths]
        await register(caller, *peers)
        answer = await caller.get(PATH)
    assert len(answer.json["new_chain"]) == 6
    assert answer.json["new_chain"][1]["transactions"] == [{"of": 6}]
    rows = await reading(lambda: list(Peer.objects.order_by("pk").values_list("length", flat=True)))
    assert rows == list(lengths)
    assert await reading(Block.objects.count) == 1 + 5 + 1, "the genesis and the winner's six"


async def test_of_equals_the_first_asked_wins(node: lifecycle.Node, caller: Caller) -> None:
    with (
        serving(node, 4, [], [{"of": "a"}]) as first,
        serving(node, 4, [], [{"of": "b"}]) as second,
    ):
        await register(caller, first, second)
        answer = await caller.get(PATH)
    assert answer.json["new_chain"][1]["transactions"] == [{"of": "a"}]


@pytest.mark.parametrize("claim", ["0", "-1", "1000000000", '"3"', "null", "1e999", "[]"])
async def test_a_claimed_length_counts_for_nothing(
    node: lifecycle.Node, caller: Caller, claim: str
) -> None:
    for _ in range(2):
        await caller.get("/mine")
    network = node.identity.network
    for length, message in ((3, "Our chain is authoritative"), (4, "Our chain was replaced")):
        text = json.dumps(list(make_chain(network, length)))
        with RecordedNode(f'{{"chain": {text}, "length": {claim}}}'.encode()) as peer:
            await register(caller, peer)
            assert (await caller.get(PATH)).json["message"] == message


async def test_head_asks_nobody(node: lifecycle.Node, caller: Caller, unchanged: Unchanged) -> None:
    with serving(node, 5) as peer:
        await register(caller, peer)
        async with unchanged():
            answer = await caller.ask("HEAD", PATH)
            assert (answer.status, answer.body) == (200, b"")
            await asyncio.sleep(0.1)
        assert peer.asked == 0


class TestOneRound:
    """A peer that answers when it is told to."""

    @pytest.fixture
    def go_on(self) -> threading.Event:
        return threading.Event()

    @pytest.fixture
    def slow(self, node: lifecycle.Node, go_on: threading.Event) -> RawPeer:
        answer = whole(body_of(make_chain(node.identity.network, 3)))

        def behave(client: socket.socket) -> None:
            go_on.wait(2)
            client.sendall(answer)

        return RawPeer(behave)

    async def test_calls_in_parallel_share_it(
        self, node: lifecycle.Node, caller: Caller, slow: RawPeer, go_on: threading.Event
    ) -> None:
        with slow:
            await register(caller, slow)
            tasks = [asyncio.create_task(caller.get(PATH)) for _ in range(20)]
            await asyncio.sleep(0.2)
            assert not any(task.done() for task in tasks)
            go_on.set()
            answers = await asyncio.gather(*tasks)
            assert slow.asked == 1
            assert {answer.json["message"] for answer in answers} == {"Our chain was replaced"}
            assert (await caller.get(PATH)).json["message"] == "Our chain is authoritative"
            assert slow.asked == 2, "the next call is another round"

    async def test_who_hangs_up_does_not_end_it_for_the_others(
        self, node: lifecycle.Node, caller: Caller, slow: RawPeer, go_on: threading.Event
    ) -> None:
        with slow:
            await register(caller, slow)
            tasks = [asyncio.create_task(caller.get(PATH)) for _ in range(3)]
            await asyncio.sleep(0.1)
            tasks[0].cancel()
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]
            go_on.set()
            for task in tasks[1:]:
                assert (await task).json["message"] == "Our chain was replaced"

    async def test_others_write_and_mine_while_peers_are_asked(
        self, node: lifecycle.Node, caller: Caller, slow: RawPeer, go_on: threading.Event
    ) -> None:
        value = {"sender": "a", "recipient": "b", "amount": 1}
        with slow:
            await register(caller, slow)
            task = asyncio.create_task(caller.get(PATH))
            for length in (2, 3):
                assert (await caller.post("/transactions/new", value)).status == 201
                assert (await caller.get("/mine")).json["index"] == length
            go_on.set()
            answer = await task
        assert answer.json["message"] == "Our chain is authoritative", "ours is as long by now"


async def test_a_chain_that_cannot_be_stored_is_503_and_changes_nothing(
    node: lifecycle.Node, caller: Caller, reading: Reading, unchanged: Unchanged
) -> None:
    def spoil() -> None:  # a foreign key is only looked at by COMMIT
        databases.spoil(
            "AFTER INSERT ON ledger_block", "INSERT INTO ledger_activeblock VALUES (-1, 999999)"
        )

    with serving(node, 3) as peer:
        await register(caller, peer)
        await node.writer.perform(spoil)
        async with unchanged():
            answer = await caller.get(PATH)
            assert answer.refuses(503, "the database could not store this")
            assert answer.headers["Retry-After"] == "5"
        await node.writer.perform(databases.heal)
        assert (await caller.get(PATH)).json["message"] == "Our chain was replaced"
    assert (await reading(lifecycle.verify)).sound


async def test_a_chain_of_our_own_that_grew_is_followed_without_a_reorganisation(
    node: lifecycle.Node, caller: Caller, reading: Reading, chain: Chain
) -> None:
    await caller.get("/mine")
    blocks = grown(await chain(), node.identity.network)
    with RecordedNode(body_of(blocks)) as peer:
        await register(caller, peer)
        answer = await caller.get(PATH)
    assert answer.json["new_chain"] == blocks
    assert await reading(Event.objects.filter(kind="reorganisation").count) == 0
    assert await reading(Block.objects.count) == 3


def grown(blocks: list[Any], network: Network) -> list[Any]:
    """A chain with one more block."""
    last = blocks[-1]
    digest = hash_of(network.canonical(last))
    proof = 0
    while not network.proof_holds(last["proof"], proof, digest):
        proof += 1
    block = {"index": last["index"] + 1, "timestamp": 1.5, "transactions": [], "proof": proof}
    return [*blocks, block | {"previous_hash": digest}]
