"""Peers that are valid today: forged chains, other answers each time, names that lead elsewhere."""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.consensus import SEED, Network, hash_of
from ledger.models import Block, Reorganisation, Tip, Transaction
from ledger.node import operator
from ledger.node.conf import NodeConf
from ledger.node.network import addresses
from tests.consensus.chains import body_of, make_block, make_chain

from .conftest import Asking
from .hostile import Behaviour, RawPeer, repeats, sends, whole
from .names import resolve_as

NETWORK = Network(SEED, 2)


@pytest.fixture
def conf(tmp_path: Path) -> NodeConf:
    return replace(
        NodeConf.from_settings(), data=tmp_path, dialect="seed", difficulty=2, peer_deadline=5.0
    )


@functools.cache
def next_proof(last: int) -> int:
    """On these networks a proof follows from the last one alone: what was found once is a table."""
    proof = 0
    while not NETWORK.proof_holds(last, proof, ""):
        proof += 1
    return proof


def forged(length: int) -> Iterator[dict[str, Any]]:
    block = make_block(NETWORK, genesis=True)
    while True:
        yield block
        if block["index"] == length:
            return
        block = make_block(
            NETWORK,
            index=block["index"] + 1,
            transactions=[{"sender": "0", "recipient": "mallory", "amount": 1_000_000}],
            proof=next_proof(block["proof"]),
            previous_hash=hash_of(NETWORK.canonical(block)),
        )


async def test_a_forged_chain_of_10000_blocks_is_followed_recorded_and_undone(
    asking: Asking,
) -> None:
    """It is valid and longer: an old node would follow it for good. Here nothing is lost by it."""
    for n in range(3):
        await asking.submit(sender="alice", recipient="bob", amount=n + 1)
        await asking.mine()
    ours = await asking.read(lambda: Tip.objects.get().block.hash)
    chain = list(forged(10_000))
    assert next_proof.cache_info().currsize < 1000, "the proofs repeat: no work was done for them"

    with RawPeer(sends(whole(body_of(chain)))) as peer:
        await asking.register(peer.address)
        answer = await asking.resolve()
        assert (answer["message"], len(answer["new_chain"])) == ("Our chain was replaced", 10_000)
    found = await asking.read(lambda: Reorganisation.objects.select_related("old_tip").get())
    assert (found.old_tip.hash, found.disconnected, found.connected) == (ours, 4, 10_000)
    assert (found.fork_index, found.source) == (0, peer.address)
    waiting = Transaction.objects.filter(state="returned").count
    assert await asking.read(waiting) == 3, "what was acknowledged waits again"

    first = hash_of(NETWORK.canonical(chain[0]))
    await asyncio.to_thread(operator.invalidate_block, first)
    assert await asking.read(lambda: Tip.objects.get().block.hash) == ours
    assert await asking.read(waiting) == 0
    assert await asking.read(Block.objects.count) == 10_004, "no block is thrown away"
    assert await asking.is_sound()

    with RawPeer(sends(whole(body_of(forged(10_001))))) as again:
        await asking.register(again.address)
        await asking.resolve()
        assert (await asking.peer(again.address)).fault == "marked"
    assert await asking.read(lambda: Tip.objects.get().block.hash) == ours


async def test_a_peer_that_says_something_else_each_time(asking: Asking) -> None:
    good = [body_of(make_chain(NETWORK, length)) for length in (4, 6)]
    other = [block | {"timestamp": 1.5} for block in make_chain(NETWORK, 1)]
    answers: list[tuple[Behaviour, str, int]] = [
        (sends(whole(good[0])), "", 4),
        (sends(whole(good[0][:-50])), "the answer ends in the middle", 4),
        (sends(whole(good[1])), "", 6),
        (sends(whole(good[0])), "", 6),
        (sends(whole(body_of(other))), "", 6),
        (
            sends(whole(good[1].replace(b'"length"', b"length"))),
            "the answer is not the JSON of a chain",
            6,
        ),
        (repeats(b"HTTP/1.1 302 Found\r\nLocation: /chain\r\n\r\n", b" "), "it answered 302", 6),
    ]
    turns = iter(answers)
    current = next(turns)

    def behave(client: socket.socket) -> None:
        current[0](client)

    with RawPeer(behave) as peer:
        await asking.register(peer.address)
        for number, current in enumerate(answers, 1):
            _, reason, length = current
            await asking.resolve()
            row = await asking.peer(peer.address)
            assert row.failure.startswith(reason), number
            assert bool(row.failure) == bool(reason)
            assert await asking.read(lambda: Tip.objects.get().index) == length
            assert peer.asked == number
    assert await asking.is_sound()


async def test_a_name_that_leads_elsewhere_each_time(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a node, to what no peer may make us call, and to a node again."""
    leads = iter(
        [["127.0.0.1"], ["169.254.169.254"], ["127.0.0.1", "::ffff:10.0.0.1"], [], ["127.0.0.1"]]
    )
    chains = iter(make_chain_bodies(2, 3))
    with RawPeer(lambda client: client.sendall(whole(next(chains)))) as peer:
        name = f"node.example:{addresses.split(peer.address)[1]}"
        resolve_as(monkeypatch, {"node.example": leads.__next__})
        await asking.register(name)
        seen = []
        for _ in range(5):
            await asking.resolve_while_serving()
            seen.append(((await asking.peer(name)).failure, peer.asked))
    refused = f"{name} leads where this node does not connect"
    assert seen == [
        ("", 1),
        (refused, 1),
        (refused, 1),
        (f"{name} does not resolve", 1),
        ("", 2),
    ]
    assert await asking.read(lambda: Tip.objects.get().index) == 3


def make_chain_bodies(*lengths: int) -> list[bytes]:
    return [body_of(make_chain(NETWORK, length)) for length in lengths]
