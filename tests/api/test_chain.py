"""GET /chain."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import random
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.api.compression import gzipped
from ledger.consensus import ChainBody, Network, hash_of
from ledger.models import ActiveBlock
from ledger.node import branch as branches
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from tests import databases
from tests.consensus.chains import body_of, make_chain, read

from .conftest import Caller, Reading, Unchanged


def texts_of(body: bytes, network: Network) -> list[str]:
    """The canonical texts of the blocks in a body, by the network's rules."""
    pieces = ChainBody([body], network.dialect.decoder)
    return [network.canonical(piece.value) for piece in pieces]


async def grow(node: lifecycle.Node, length: int, *contents: list[Any]) -> None:
    """Have the node adopt a chain of that many blocks."""
    network = node.identity.network

    def adopt() -> None:
        branch = branches.spool(read(body_of(make_chain(network, length, contents)), network))
        assert branches.adopt(branch, network, node.writer, "peer", "x:1")
        branch.close()

    await node.reader.read(adopt)


@pytest.mark.parametrize("path", ["/chain", "/chain/"])
async def test_a_new_node_answers_with_its_genesis(
    node: lifecycle.Node, caller: Caller, path: str
) -> None:
    answer = await caller.get(path)
    assert answer.status == 200
    assert set(answer.json) == {"chain", "length"}
    assert answer.json["length"] == 1
    (genesis,) = answer.json["chain"]
    assert set(genesis) == {"index", "timestamp", "transactions", "proof", "previous_hash"}
    assert (genesis["index"], genesis["proof"], genesis["transactions"]) == (1, 100, [])
    assert genesis["previous_hash"] == 1
    assert type(genesis["timestamp"]) is float


class TestGenesisOfAnotherDialect:
    @pytest.fixture(params=["dvf", "js"])
    def conf(self, request: pytest.FixtureRequest, tmp_path: Path) -> NodeConf:
        settings = NodeConf.from_settings()
        return replace(settings, data=tmp_path, dialect=request.param, difficulty=2)

    async def test_its_previous_hash_is_text(self, node: lifecycle.Node, caller: Caller) -> None:
        assert (await caller.get("/chain")).json["chain"][0]["previous_hash"] == "1"

    async def test_its_blocks_hash_as_that_dialect_hashes_them(
        self, node: lifecycle.Node, caller: Caller, reading: Reading
    ) -> None:
        value = {"sender": "앨리스", "recipient": "b\u2028c</", "amount": 2**53 - 1}
        assert (await caller.post("/transactions/new", value)).status == 201
        await caller.get("/mine")
        await caller.get("/mine")
        body = (await caller.get("/chain")).body
        texts = texts_of(body, node.identity.network)
        stored = await reading(
            lambda: list(ActiveBlock.objects.order_by("pk").values_list("block__hash", flat=True))
        )
        assert [hash_of(text) for text in texts] == stored
        assert json.loads(body)["chain"][1]["transactions"][0] == value


async def test_it_is_the_stored_texts_strung_together(
    node: lifecycle.Node, caller: Caller, reading: Reading
) -> None:
    odd = [
        {"sender": None, "amount": 1e21, "x": [1.0, 10**30, "\u0000밥"]},
        {"amount": float("nan")},
    ]
    await grow(node, 4, [], odd)
    answer = await caller.get("/chain")
    texts = await reading(
        lambda: list(ActiveBlock.objects.order_by("pk").values_list("block__canonical", flat=True))
    )
    assert answer.text == '{"chain": [' + ", ".join(texts) + '], "length": 4}'
    assert "NaN" in answer.text, "as an old node wrote it, and as it was hashed"


async def test_it_grows_with_each_block(node: lifecycle.Node, caller: Caller) -> None:
    for length in (2, 3, 4):
        mined = (await caller.get("/mine")).json
        answer = await caller.get("/chain")
        assert answer.json["length"] == len(answer.json["chain"]) == length
        assert answer.json["chain"][-1]["proof"] == mined["proof"]
        assert read(answer.body, node.identity.network)


async def test_head_has_no_body(node: lifecycle.Node, caller: Caller, unchanged: Unchanged) -> None:
    async with unchanged():
        answer = await caller.ask("HEAD", "/chain")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"


class TestLongChain:
    """One that is sent in many pieces."""

    BLOCKS = 4100
    """Two pages of blocks and a bit."""

    @pytest.fixture
    def conf(self, tmp_path: Path) -> NodeConf:
        return replace(NodeConf.from_settings(), data=tmp_path, dialect="seed", difficulty=0)

    async def test_it_comes_whole_and_as_of_one_moment(
        self, node: lifecycle.Node, caller: Caller
    ) -> None:
        await grow(node, self.BLOCKS, [], [{"x": "y" * 900_000}] * 1)
        response = await caller.client.get("/chain")
        parts: list[bytes] = []
        async for part in response.streaming_content:
            if not parts:  # it moves while it is being read
                assert (await caller.get("/mine")).json["index"] == self.BLOCKS + 1
                await grow(node, self.BLOCKS + 2, [], [{"another": "branch"}])
            parts.append(part)
        assert len(parts) > 2
        body = b"".join(parts)
        assert json.loads(body)["length"] == self.BLOCKS
        blocks = read(body, node.identity.network)
        assert len(blocks) == self.BLOCKS
        assert "x" in blocks[1].transactions[0]
        assert (await caller.get("/chain")).json["length"] == self.BLOCKS + 2

    async def test_who_hangs_up_in_the_middle_leaves_no_connection_behind(
        self, node: lifecycle.Node, caller: Caller
    ) -> None:
        await grow(node, self.BLOCKS)
        for _ in range(3):
            response = await caller.client.get("/chain")
            parts = response.streaming_content
            assert await anext(parts)
            await parts.aclose()
            del parts, response  # as the server does, which ties no knot with them, as clients do
            gc.collect()
        await asyncio.to_thread(wait_for_the_last_reader, node.conf.data / "chain.sqlite3")


def wait_for_the_last_reader(path: Path) -> None:
    deadline = time.monotonic() + 5
    while databases.is_read(path):
        assert time.monotonic() < deadline, "somebody still reads"
        time.sleep(0.01)


class TestWhoHasItAlready:
    async def test_a_tag_names_the_chain_and_moves_with_it(
        self, node: lifecycle.Node, caller: Caller
    ) -> None:
        first = (await caller.get("/chain")).headers["ETag"]
        assert (await caller.get("/chain")).headers["ETag"] == first
        assert (await caller.ask("HEAD", "/chain")).headers["ETag"] == first
        await caller.get("/mine")
        second = await caller.get("/chain", If_None_Match=first)
        assert second.status == 200
        assert second.json["length"] == 2
        assert second.headers["ETag"] != first

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    @pytest.mark.parametrize("form", ["{0}", '"other", {0}', "*"])
    async def test_the_chain_is_not_sent_to_who_has_it(
        self, node: lifecycle.Node, caller: Caller, method: str, form: str
    ) -> None:
        tag = (await caller.get("/chain")).headers["ETag"]
        answer = await caller.ask(method, "/chain", If_None_Match=form.format(tag))
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["ETag"] == tag

    async def test_two_branches_of_one_length_have_tags_of_their_own(
        self, node: lifecycle.Node, caller: Caller
    ) -> None:
        await grow(node, 3, [], [{"one": 1}])
        one = (await caller.get("/chain")).headers["ETag"]
        await grow(node, 4, [], [{"another": 1}])
        await grow(node, 5, [], [{"one": 1}])
        assert (await caller.get("/chain")).headers["ETag"] != one


VIA = "1.1 proxy.example"  # so that it does not come from this machine


class TestCompressed:
    async def test_on_this_machine_it_is_not_worth_while(
        self, node: lifecycle.Node, caller: Caller
    ) -> None:
        answer = await caller.get("/chain", Accept_Encoding="gzip")
        assert "Content-Encoding" not in answer.headers

    async def test_it_is_the_same_text(self, node: lifecycle.Node, caller: Caller) -> None:
        await grow(node, 20)
        plain = await caller.get("/chain")
        answer = await caller.get("/chain", Accept_Encoding="gzip, deflate, br", Via=VIA)
        assert answer.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(answer.body) == plain.body
        assert len(answer.body) < len(plain.body)
        assert plain.headers["Vary"] == answer.headers["Vary"] == "Accept-Encoding"
        assert plain.headers["ETag"] == answer.headers["ETag"]

    @pytest.mark.parametrize("wish", ["", "identity", "br", "gzip;q=0", "br, gzip; q=0.0", "*"])
    async def test_only_who_asks_for_it_gets_it(
        self, node: lifecycle.Node, caller: Caller, wish: str
    ) -> None:
        answer = await caller.get("/chain", Accept_Encoding=wish, Via=VIA)
        assert "Content-Encoding" not in answer.headers
        assert answer.json["length"] == 1

    async def test_its_pieces_are_large_as_the_server_counts_them(self) -> None:
        dice = random.Random(6)

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(40):
                yield dice.randbytes(50_000)

        sizes = [len(piece) async for piece in gzipped(pieces())]
        assert len(sizes) > 3
        assert all(size >= 256 * 1024 for size in sizes[:-1])
