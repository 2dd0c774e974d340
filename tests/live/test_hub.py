"""The hub works while there are sockets, holds little for each, and lets go of all of them."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from ledger.live import consumers, frames, messages
from ledger.live import hub as hub_module
from ledger.live.bundle import Bundle
from ledger.live.hub import hub
from ledger.live.outbox import Outbox, OutboxFull

from .conftest import HEADERS, PATIENCE, application

SCOPE = {
    "type": "websocket",
    "path": "/ws/",
    "query_string": b"",
    "headers": HEADERS,
    "subprotocols": [],
}


async def _eventually(condition) -> None:
    for _ in range(int(PATIENCE / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to pass")


class Wire:
    """A server's side of one socket, which takes frames only while `is_open`."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.taken: list[dict[str, Any]] = []
        self.is_open = asyncio.Event()
        self.is_open.set()
        self.inbox.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(application(dict(SCOPE), self.inbox.get, self._send))

    async def _send(self, message: dict[str, Any]) -> None:
        await self.is_open.wait()
        self.taken.append(message)

    def hang_up(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})


async def test_it_stops_working_when_the_last_socket_has_left(client, happen):
    first, second = await client(), await client()
    await first.first("mining")
    await second.first("mining")
    assert hub().sockets == 2
    await first.close()
    assert hub().is_working

    await second.close()
    assert hub().sockets == 0
    assert not hub().is_working

    await happen(3)
    third = await client("?after=0")
    assert [event["seq"] for event in await third.until(3)] == [1, 2, 3]


@pytest.mark.parametrize("turns", range(8))
async def test_it_ends_its_work_even_when_news_come_as_the_last_socket_leaves(
    client, happen, turns
):
    """A task that outlived this would go on from where it was and skip what others must be told."""
    first = await client()
    await first.first("mining")
    await asyncio.sleep(0.1)  # it waits for news now
    tasks = list(hub()._tasks)
    assert tasks

    hub()._wake.set()
    for _ in range(turns):  # of the event loop: the moment between the news and their reading
        await asyncio.sleep(0)
    hub()._stop()

    _, still_at_work = await asyncio.wait(tasks, timeout=1)
    assert not still_at_work


async def test_a_client_that_fails_to_join_leaves_nothing_behind(client, node, monkeypatch):
    def broken() -> Any:
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(frames, "snapshot", broken)
    wire = Wire()

    with pytest.raises(RuntimeError, match="the disk is gone"):
        await wire.task
    assert hub().sockets == 0
    assert not hub().is_working


async def test_a_client_that_hangs_up_while_joining_leaves_nothing_behind(node, monkeypatch):
    began, go_on = threading.Event(), threading.Event()
    snapshot = frames.snapshot

    def slow() -> Any:
        began.set()
        go_on.wait(PATIENCE)
        return snapshot()

    monkeypatch.setattr(frames, "snapshot", slow)
    wire = Wire()
    await _eventually(began.is_set)
    wire.hang_up()
    go_on.set()
    await asyncio.wait_for(wire.task, PATIENCE)

    assert hub().sockets == 0
    assert not hub().is_working


@pytest.mark.parametrize("moment", ["joining", "joined", "sending"])
async def test_a_client_whose_task_the_server_kills_leaves_nothing_behind(
    node, happen, monkeypatch, moment
):
    began, go_on = threading.Event(), threading.Event()
    snapshot = frames.snapshot
    if moment == "joining":

        def slow() -> Any:
            began.set()
            go_on.wait(PATIENCE)
            return snapshot()

        monkeypatch.setattr(frames, "snapshot", slow)
    wire = Wire()
    if moment == "joining":
        await _eventually(began.is_set)
    else:
        await _eventually(lambda: hub().sockets == 1)
    if moment == "sending":
        wire.is_open.clear()
        await happen()
        wire.inbox.put_nowait({"type": "websocket.receive", "text": "hello"})
        await asyncio.sleep(0.1)

    wire.task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await wire.task

    assert hub().sockets == 0
    assert not hub().is_working


async def test_a_client_that_does_not_keep_up_is_closed_and_the_others_are_not(node, happen):
    slow, quick = Wire(), Wire()
    await _eventually(lambda: hub().sockets == 2)
    slow.is_open.clear()
    size = Outbox.CHARACTERS // 400

    for _ in range(5):
        await happen(100, "x" * size)
        await asyncio.sleep(0.05)
    await _eventually(lambda: sum("at" in m.get("text", "") for m in quick.taken) >= 500)
    held = sum(box._characters for box in hub()._outboxes)
    slow.is_open.set()
    await _eventually(lambda: slow.taken[-1]["type"] == "websocket.close")

    assert held <= Outbox.CHARACTERS + 2 * size
    assert slow.taken[-1]["code"] == consumers.TOO_SLOW
    assert quick.taken[-1]["type"] == "websocket.send"
    assert hub().sockets == 1
    for wire in (slow, quick):
        wire.hang_up()
        await asyncio.wait_for(wire.task, PATIENCE)
    assert hub().sockets == 0


async def test_a_client_that_goes_on_saying_what_nobody_understands_is_closed(client):
    socket = await client()
    await socket.first("mining")
    for _ in range(messages.FAULTS):
        await socket.say("hello")

    for _ in range(messages.FAULTS):
        assert (await socket.first("error"))["code"] == "not-json"
    assert await socket.closed_with() == consumers.UNEXPECTED
    assert hub().sockets == 0


async def test_a_client_that_cannot_be_told_is_closed(node, happen, monkeypatch):
    wire = Wire()
    await _eventually(lambda: hub().sockets == 1)

    async def broken(self: Any, text_data: str) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(consumers.EventConsumer, "send", broken)
    await happen()
    await _eventually(lambda: wire.taken[-1]["type"] == "websocket.close")

    assert wire.taken[-1]["code"] == consumers.FAILED
    assert hub().sockets == 0
    wire.hang_up()
    await wire.task


def test_close_codes_are_ones_that_an_application_may_send():
    """The library refuses others, and the socket would stay open."""
    codes = (consumers.UNEXPECTED, consumers.TOO_SLOW, consumers.FAILED, consumers.TOO_MANY)
    for code in codes:
        assert 4000 <= code <= 4999


async def test_quiet_is_broken_by_a_beat(client, monkeypatch):
    monkeypatch.setattr(hub_module, "BEAT_EVERY", 0.3)
    socket = await client()

    assert (await socket.first("beat"))["seq"] == 0
    assert (await socket.first("beat"))["seq"] == 0


async def test_it_goes_on_after_the_database_could_not_be_read(client, happen, monkeypatch):
    read, failures = frames.news_if_any, []

    def fails_once(seq: int) -> Any:
        news = read(seq)
        if news and not failures:
            failures.append(seq)
            raise RuntimeError("locked")
        return news

    monkeypatch.setattr(frames, "news_if_any", fails_once)
    socket = await client()
    await socket.first("mining")
    await happen(2)

    assert [event["seq"] for event in await socket.until(2)] == [1, 2]
    assert failures == [0]


async def test_only_the_newest_word_on_mining_waits():
    outbox = Outbox()
    for tries in range(1000):
        outbox.put_newest("mining", Bundle(f"{tries} tries"))
    outbox.put(Bundle("an event"), 1)

    assert [bundle.texts for bundle in await outbox.get()] == [("an event",), ("999 tries",)]


async def test_an_outbox_keeps_nothing_once_it_is_full():
    outbox = Outbox()
    for seq in range(1, Outbox.FRAMES + 2):
        outbox.put(Bundle("x"), seq)
    outbox.put(Bundle("y"), seq + 1)
    outbox.put_newest("now", Bundle("z"))

    assert len(outbox) == 0
    with pytest.raises(OutboxFull):
        await outbox.get()


async def test_how_far_was_told_never_counts_back(node, happen, monkeypatch):
    """Not even for a client that reads late what was said while nothing concerned it."""
    monkeypatch.setattr(hub_module, "UPTO_EVERY", 0.0)
    its_hub = hub()
    late = await its_hub.follow(["peers", "address:bob"])
    its_hub.unsubscribe(late, ["peers"])
    await _eventually(lambda: len(late) == 1)
    await happen()
    await _eventually(lambda: late.seq == 1)
    its_hub.subscribe(late, ["peers"])
    await happen()
    await _eventually(lambda: late.seq == 2)
    await happen()
    await _eventually(lambda: late.seq == 3)
    frames_told = [json.loads(text) for bundle in await late.get() for text in bundle.texts]
    its_hub.leave(late)

    numbers = [frame["seq"] for frame in frames_told]
    assert numbers == sorted(numbers)
    assert [frame["kind"] for frame in frames_told].count("upto") >= 2
