"""Catching up, and how peers stand to this node, as clients hear of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from ledger.live import frames
from ledger.live.hub import hub
from ledger.models import Peer
from ledger.queries.peers import RELATIONS

PEER = "192.168.0.5:5000"


async def until(socket: Any, condition: Any) -> dict[str, Any]:
    """The first `network` frame whose data are so."""
    while True:
        frame = await socket.first("network")
        if condition(frame["data"]):
            return frame


async def test_progress_is_told_as_it_goes_and_its_end_too(client, node):
    socket = await client()
    node.network.begin(PEER, 100_000)
    await until(socket, lambda data: data["catching_up"])
    node.network.advance(PEER, 61_000)
    told = await until(socket, lambda data: data["catching_up"][0]["received"])
    (way,) = told["data"]["catching_up"]
    assert (way["address"], way["received"], way["expected"]) == (PEER, 61_000, 100_000)
    assert isinstance(way["rate"], int)
    assert "seq" not in told

    late = await client()
    assert (await late.frame())["data"]["network"]["catching_up"][0]["address"] == PEER
    assert (await late.first("network"))["data"]["catching_up"][0]["expected"] == 100_000

    node.network.end(PEER)
    for each in (socket, late):
        await until(each, lambda data: data["catching_up"] == [])


async def test_changed_rows_of_peers_move_the_revision_and_the_counts(client, node):
    socket = await client()
    first = (await socket.first("network"))["data"]
    assert first["peers"] == dict.fromkeys(RELATIONS, 0)

    await node.writer.perform(
        lambda: Peer.objects.create(address=PEER, registered_at=timezone.now(), failure="no")
    )
    node.network.peers_changed()
    told = (await until(socket, lambda data: data["revision"] > first["revision"]))["data"]
    assert told["peers"]["unreachable"] == 1


async def test_a_block_of_our_own_leaves_peers_behind_without_a_word_from_them(client, node):
    tip = node.miner.mine().result(20).hash
    values = {"length": 2, "tip_hash": tip, "last_success_at": timezone.now()}
    await node.writer.perform(
        lambda: Peer.objects.create(address=PEER, registered_at=timezone.now(), **values)
    )
    socket = await client()
    agreed = await until(socket, lambda data: data["peers"]["agrees"])
    node.miner.mine().result(20)
    told = await until(socket, lambda data: data["peers"]["behind"])
    assert told["data"]["revision"] == agreed["data"]["revision"]


async def test_nobody_is_told_the_same_twice(client, node, happen):
    socket = await client()
    await socket.first("network")
    await happen(3)
    kinds = [(await socket.frame())["kind"] for _ in range(4)]
    assert kinds == ["refusal", "refusal", "refusal", "now"]
    assert await socket.is_quiet()


async def test_a_read_that_fails_is_tried_again(
    client: Any, node: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, failed = frames.network, []

    def broken() -> str:
        if failed:
            return read()
        failed.append(1)
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(frames, "network", broken)
    socket = await client()
    assert (await socket.first("network"))["data"]["revision"] == 0
    assert failed
    assert hub().is_working
