"""Clients that come while much is being written lose nothing, and get nothing twice."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest

from ledger.models import Event
from ledger.node import mempool

SEED = 20261122
WRITERS = 4
EACH = 99  # of all together, fewer than a client that comes back is told one by one
CLIENTS = 30


def _write(node, seed):
    dice = random.Random(seed)
    for number in range(EACH):
        submission = mempool.Submission(f"w{seed}", "r", number)
        node.writer.submit_batched(node.door.accept, submission).result()
        threading.Event().wait(dice.random() / EACH)


def _all_seqs():
    return list(Event.objects.order_by("pk").values_list("pk", flat=True))


@pytest.mark.long
async def test_each_client_sees_every_event_once_and_in_order(client, node):
    dice = random.Random(SEED)
    writers = [threading.Thread(target=_write, args=(node, seed)) for seed in range(WRITERS)]

    async def come_and_read() -> tuple[dict, list[dict]]:
        await asyncio.sleep(dice.random() / 2)
        socket = await client()
        snapshot = await socket.frame()
        if snapshot["seq"] == WRITERS * EACH:
            return snapshot, []
        return snapshot, await socket.until(WRITERS * EACH)

    for writer in writers:
        writer.start()
    told = await asyncio.gather(*(come_and_read() for _ in range(CLIENTS)))
    for writer in writers:
        writer.join()

    everything = await node.reader.read(_all_seqs)
    assert everything == list(range(1, WRITERS * EACH + 1))
    joined_while_written = 0
    for snapshot, events in told:
        seq = snapshot["seq"]
        assert snapshot["data"]["pool"]["count"] == seq, "the snapshot is not of its moment"
        assert [event["seq"] for event in events] == everything[seq:]
        joined_while_written += 0 < seq < WRITERS * EACH
    assert joined_while_written > CLIENTS // 3, "the clients came too early or too late"


async def test_the_last_word_on_how_things_stand_is_true(client, node):
    socket = await client()
    writers = [threading.Thread(target=_write, args=(node, seed)) for seed in range(WRITERS)]
    for writer in writers:
        writer.start()

    last: dict = {}
    while last.get("pool", {}).get("count") != WRITERS * EACH:
        last = (await socket.first("now"))["data"]

    assert len(last["states"]) == 12
    assert {state["state"] for state in last["states"].values()} == {"pending"}
    for writer in writers:
        writer.join()
    assert await socket.is_quiet()


async def test_clients_that_leave_and_come_back_miss_nothing(client, node):
    """One client, many connections: what it saw over all of them is what happened."""
    dice = random.Random(SEED)
    writers = [threading.Thread(target=_write, args=(node, seed)) for seed in range(WRITERS)]
    for writer in writers:
        writer.start()
    seen: list[int] = []
    connections = 0
    while not seen or seen[-1] < WRITERS * EACH:
        socket = await client(f"?after={seen[-1] if seen else 0}")
        connections += 1
        for _ in range(dice.randint(1, 80)):
            frame = await socket.frame()
            assert frame["kind"] != "snapshot", "it was never that far behind"
            if "at" in frame:
                seen.append(frame["seq"])
            if seen and seen[-1] == WRITERS * EACH:
                break
        await socket.close()
    for writer in writers:
        writer.join()

    assert seen == list(range(1, WRITERS * EACH + 1))
    assert connections > 5
