"""Among nodes of the article's own: chains pass in both directions, and nobody's word is lost."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from ledger.models import Block, Event, Reorganisation, Transaction
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.node.errors import Stopped
from ledger.node.network.asking import Asker
from ledger.node.network.sync import Syncer
from tests.consensus.chains import body_of
from tests.processes import NodeProcess

from .conftest import Asking
from .hostile import RawPeer, drips, sends, sends_and_waits, whole
from .old_node import OldNode, RecordedNode, hash_block

DEADLINE = 1.2


@pytest.fixture
def conf(tmp_path: Path) -> NodeConf:
    return replace(
        NodeConf.from_settings(),
        data=tmp_path,
        dialect="seed",
        difficulty=2,
        peer_deadline=DEADLINE,
    )


def ask(old: OldNode, path: str, value: Any = None) -> Any:
    """An old node, over HTTP."""
    method = "GET" if value is None else "POST"
    answer = requests.request(method, old.url + path, json=value, timeout=30)
    assert answer.ok, answer.text
    return answer.json()


def mine(old: OldNode, *transactions: dict[str, Any]) -> None:
    """Have it mine these into one block."""
    for value in transactions:
        old.blockchain.new_transaction(**value)
    old.mine()


class TestBothDirections:
    """As processes on sockets, at the difficulty that old nodes have."""

    @pytest.mark.parametrize("dialect", ["seed", "dvf"])
    def test_each_adopts_the_others_chain(
        self, node_process: Callable[..., NodeProcess], dialect: str
    ) -> None:
        ours = node_process(dialect=dialect)
        with OldNode(dialect) as old:
            sent = {"sender": "앨리스", "recipient": '"b"\u2028', "amount": 2**63 - 1}
            assert ours.post("/transactions/new", sent).status_code == 201
            for index in (2, 3):
                assert ours.get("/mine").json()["index"] == index

            ask(old, "/nodes/register", {"nodes": [ours.url]})
            answer = ask(old, "/nodes/resolve")
            assert answer["message"] == "Our chain was replaced"
            assert old.chain == ours.get("/chain").json()["chain"]
            assert old.chain[1]["transactions"][0] == sent

            odd = [{"sender": 1.5, "recipient": None, "amount": "밥"}, {"sender": "x" * 300}]
            for value in odd:
                whole_value = {"recipient": [], "amount": -1e-7} | value
                ask(old, "/transactions/new", whole_value)
            for index in (4, 5):
                assert ask(old, "/mine")["index"] == index
            answer = ours.post("/nodes/register", {"nodes": [old.url]})
            assert answer.json()["total_nodes"] == [old.address]
            answer = ours.get("/nodes/resolve").json()
            assert answer["message"] == "Our chain was replaced"
            assert answer["new_chain"] == old.chain
            assert ours.get("/chain").json() == {"chain": old.chain, "length": 5}

            mined = ours.get("/mine").json()
            assert mined["index"] == 6
            assert mined["previous_hash"] == hash_block(old.chain[-1])
            assert ask(old, "/nodes/resolve")["message"] == "Our chain was replaced"
            assert hash_block(old.chain[-1]) == hash_block(ours.get("/chain").json()["chain"][-1])
            assert ask(old, "/nodes/resolve")["message"] == "Our chain is authoritative"
            assert ours.get("/nodes/resolve").json()["message"] == "Our chain is authoritative"


@pytest.mark.parametrize("indent", [None, 2])
async def test_a_chain_is_adopted_however_it_is_printed(asking: Asking, indent: int | None) -> None:
    with OldNode("seed", 2, indent=indent) as old:
        mine(old)
        await asking.register(old.address)
        answer = await asking.resolve()
        assert answer == {"message": "Our chain was replaced", "new_chain": old.chain}


async def test_what_the_replacement_lacks_comes_back_to_the_pool(asking: Asking) -> None:
    """The seed drops mined transactions for ever, and keeps confirmed ones pending."""

    def value(sender: str) -> dict[str, Any]:
        return {"sender": sender, "recipient": "bob", "amount": 5}

    async def states() -> dict[str, str]:
        return await asking.read(
            lambda: {str(row.uid): row.state for row in Transaction.objects.all()}
        )

    lost = await asking.submit(**value("lost"))
    shared = await asking.submit(**value("shared"))
    twice = [await asking.submit(**value("twice")) for _ in range(2)]
    await asking.mine()
    waiting = await asking.submit(**value("waiting"))
    elsewhere = await asking.submit(**value("elsewhere"))
    with OldNode("seed", 2) as old:
        mine(old, value("shared"), value("theirs"))
        mine(old, value("twice"), value("elsewhere"))
        await asking.register(old.address)
        answer = await asking.resolve()
        assert answer["message"] == "Our chain was replaced"
    assert await states() == {
        lost: "returned",
        shared: "confirmed",
        twice[0]: "confirmed",  # identical ones are counted, the older first
        twice[1]: "returned",
        waiting: "pending",
        elsewhere: "confirmed",
    }
    change = await asking.read(Reorganisation.objects.get)
    assert (change.fork_index, change.disconnected, change.connected) == (0, 2, 3)
    mined = await asking.mine()
    assert [one["sender"] for one in mined["transactions"]] == ["lost", "twice", "waiting", "0"]
    assert set((await states()).values()) == {"confirmed"}
    assert await asking.is_sound()


async def test_what_it_has_leaves_the_pool_and_is_not_mined_again(asking: Asking) -> None:
    value = {"sender": "alice", "recipient": "bob", "amount": 5}
    with OldNode("seed", 2) as old:
        await asking.submit(**value)
        mine(old, value)
        await asking.register(old.address)
        await asking.resolve()
    assert len((await asking.mine())["transactions"]) == 1, "the reward alone"
    assert await asking.is_sound()


async def test_another_entry_with_more_keys_is_not_ours(asking: Asking) -> None:
    """Extra keys are legal and hashed: such an entry is not what was acknowledged."""
    await asking.submit(sender="alice", recipient="bob", amount=5)
    with OldNode("seed", 2) as old:
        old.blockchain.current_transactions.append(
            {"sender": "alice", "recipient": "bob", "amount": 5, "note": "not that one"}
        )
        old.mine()
        await asking.register(old.address)
        await asking.resolve()
    assert len((await asking.mine())["transactions"]) == 2
    assert await asking.is_sound()


async def test_forks_heal_whoever_is_ahead(asking: Asking) -> None:
    """Two nodes part and meet again, three times; the old one is the first to forget."""
    with OldNode("seed", 2) as old, RecordedNode(b"") as us:
        await asking.register(old.address)
        old.blockchain.register_node(us.url)
        for turn in range(3):
            for n in range(1 + turn % 2):
                await asking.submit(sender=f"ours-{turn}-{n}", recipient="r", amount=n)
                await asking.mine()
            for n in range(1 + (turn + 1) % 2):
                mine(old, {"sender": f"theirs-{turn}-{n}", "recipient": "r", "amount": n})
            await asking.resolve()
            us.body = await asking.chain()
            old.consensus()
            assert body_of(old.chain) == body_of((await asking.resolve())["chain"])
        await asking.mine()  # what came back is mined again
        chain = (await asking.resolve())["chain"]
    ours = [
        value["sender"]
        for block in chain
        for value in block["transactions"]
        if value["sender"].startswith("ours")
    ]
    assert sorted(ours) == ["ours-0-0", "ours-1-0", "ours-1-1", "ours-2-0"]
    assert await asking.is_sound()


@pytest.fixture
def dead() -> str:
    """An address at which nobody listens any more."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"127.0.0.1:{listening.getsockname()[1]}"


async def test_bad_peers_beside_a_good_one_are_noted_and_fail_nothing(
    asking: Asking, dead: str
) -> None:
    with ExitStack() as stack:
        good = stack.enter_context(OldNode("seed", 2))
        for _ in range(3):
            mine(good)
        short = body_of(good.chain[:2], length=1_000_000_000)
        page = whole(b"<html>", b"Location: http://" + good.address.encode() + b"/chain")
        bad = {
            "nothing listens there": dead,
            "not the JSON of a chain": RecordedNode(b"garbage"),
            f"no whole answer within {DEADLINE:g} s": RawPeer(drips(whole(short), 0.02)),
            "it answered 301": RawPeer(sends(page.replace(b"200 OK", b"301 Moved"))),
            "it hung up": RawPeer(sends()),
            "speaks dvf": OldNode("dvf", 3),
        }
        liar = stack.enter_context(RecordedNode(short))
        for peer in bad.values():
            if not isinstance(peer, str):
                stack.enter_context(peer)
        mine(bad["speaks dvf"])
        mine(bad["speaks dvf"])
        addresses = {
            reason: peer if isinstance(peer, str) else peer.address for reason, peer in bad.items()
        }
        await asking.register(*addresses.values(), liar.address, good.address)
        asked = time.monotonic()
        answer = await asking.resolve()
        assert time.monotonic() - asked < DEADLINE + 1
        assert answer == {"message": "Our chain was replaced", "new_chain": good.chain}
        for reason, address in addresses.items():
            peer = await asking.peer(address)
            assert reason in peer.failure
            assert (peer.length, peer.last_success_at) == (None, None)
            assert peer.last_failure_at is not None
        lied = await asking.peer(liar.address)
        assert (lied.length, lied.failure) == (2, ""), "its blocks were counted"
        kept = await asking.peer(good.address)
        assert (kept.length, kept.failure) == (4, "")
        assert kept.last_success_at is not None
        assert kept.latency is not None and kept.latency < DEADLINE

        again = await asking.resolve()
        assert again["message"] == "Our chain is authoritative"
    assert await asking.read(Event.objects.filter(kind="refusal").count) == len(bad)
    assert await asking.is_sound()


async def test_a_peer_that_recovers_is_forgiven(asking: Asking) -> None:
    with OldNode("seed", 2) as old:
        mine(old)
        address, port = old.address, old.port
        with_errors = body_of([*old.chain, {}])
    with RecordedNode(with_errors, port=port):
        await asking.register(address)
        await asking.resolve()
    failed = await asking.peer(address)
    assert (failed.failure, failed.length) == ("block 3: the key 'index' is missing", None)
    with RecordedNode(body_of(old.chain), port=port):
        await asking.resolve()
    peer = await asking.peer(address)
    assert (peer.failure, peer.length) == ("", 2)
    assert peer.last_failure_at == failed.last_failure_at


async def test_the_same_node_by_two_names_counts_like_one(asking: Asking) -> None:
    with OldNode("seed", 2) as old:
        mine(old)
        await asking.register(old.address, f"localhost:{old.port}")
        assert (await asking.resolve())["new_chain"] == old.chain
    assert await asking.read(Block.objects.count) == 3, "our genesis and their two blocks"


async def test_a_node_that_stops_does_not_wait_for_its_peers(
    asking: Asking, node: lifecycle.Node
) -> None:
    with RawPeer(sends_and_waits()) as slow:
        await asking.register(slow.address)
        for pause in (0.0, 0.2):  # before anybody is asked, and after
            syncer = Syncer(
                Asker(node.identity.network, node.writer, node.conf, node.duties.catch_up),
                node.writer,
                node.conf,
                node.network,
            )
            future = syncer.resolve()
            await asyncio.sleep(pause)
            begun = time.monotonic()
            syncer.close()
            assert time.monotonic() - begun < 0.3
            with pytest.raises(Stopped):
                syncer.resolve()
            try:
                assert future.result(DEADLINE + 2).switch is None
            except (Stopped, CancelledError):
                assert not pause
