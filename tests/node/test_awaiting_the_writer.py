"""What event loops wait for: a group is told in one hop, and who gave up is left out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from ledger.node import writer as writer_module
from ledger.node.errors import NotAccepted, Overloaded, Stopped
from ledger.node.events import Listeners
from ledger.node.writer import Writer

from .writes import register, registered


@contextmanager
def held(writer: Writer) -> Iterator[None]:
    """Keep the writer busy, so that what comes meanwhile is one group."""
    entered, leave = threading.Event(), threading.Event()
    writer.submit(lambda: (entered.set(), leave.wait(30)))
    assert entered.wait(30)
    try:
        yield
    finally:
        leave.set()


def register_all(addresses: Sequence[str]) -> list[Any]:
    return [NotAccepted(name) if name.startswith("bad") else register(name) for name in addresses]


def fail(_addresses: Sequence[str]) -> list[Any]:
    raise OSError("the disk is gone")


@sync_to_async
def _stored() -> list[str]:
    try:
        return registered()
    finally:
        connection.close()  # the thread outlives this test's database


async def _asked(writer: Writer, names: Sequence[str]) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(writer.perform_batched(register_all, name)) for name in names]
    await asyncio.sleep(0)
    return tasks


async def test_a_group_is_told_in_one_hop(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, hops = asyncio.get_running_loop(), 0
    hop = loop.call_soon_threadsafe

    def counting(*arguments: Any, **named: Any) -> Any:
        nonlocal hops
        hops += 1
        return hop(*arguments, **named)

    with held(writer):
        tasks = await _asked(writer, ["a", "bad", "b", "c"])
        monkeypatch.setattr(loop, "call_soon_threadsafe", counting)
    told = await asyncio.gather(*tasks, return_exceptions=True)

    assert hops == 1
    assert [str(one) for one in told] == ["a", "bad", "b", "c"]
    assert isinstance(told[1], NotAccepted)
    assert writer.run(registered) == ["a", "b", "c"]


async def test_who_gives_up_before_its_turn_takes_it_back(writer: Writer) -> None:
    with held(writer):
        tasks = await _asked(writer, ["a", "b", "c"])
        tasks[1].cancel()
        await asyncio.wait(tasks[1:2])
    assert await asyncio.gather(tasks[0], tasks[2]) == ["a", "c"]
    assert tasks[1].cancelled()
    assert writer.run(registered) == ["a", "c"]


async def test_who_gives_up_in_its_turn_keeps_nobody_from_being_told(writer: Writer) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(names: Sequence[str]) -> list[Any]:
        entered.set()
        leave.wait(30)
        return register_all(names)

    with held(writer):
        asked = [asyncio.create_task(writer.perform_batched(slow, name)) for name in "ab"]
        await asyncio.sleep(0)
    await asyncio.to_thread(entered.wait, 30)
    asked[0].cancel()
    leave.set()

    assert await asked[1] == "b"
    assert asked[0].cancelled()
    assert writer.run(registered) == ["a", "b"], "what was begun is written"


async def test_all_are_told_when_the_group_fails(writer: Writer) -> None:
    with held(writer):
        asked = [asyncio.create_task(writer.perform_batched(fail, name)) for name in "ab"]
        await asyncio.sleep(0)
    told = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in told] == [OSError, OSError]
    assert await writer.perform_batched(register_all, "later") == "later"


def test_a_loop_that_is_gone_keeps_nobody_else_from_being_told(writer: Writer) -> None:
    async def leave_early() -> None:
        await _asked(writer, ["left behind"])
        for _ in range(10):  # turns of the loop: it is handed over
            await asyncio.sleep(0)

    with held(writer):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave_early())
        loop.close()
        other = writer.submit_batched(register_all, "beside")
    assert other.result(30) == "beside"
    assert writer.run(lambda: register("later")) == "later"
    assert registered() == ["left behind", "beside", "later"]


async def test_what_comes_at_about_the_same_time_is_one_group(
    writer: Writer, groups: list[int]
) -> None:
    tasks = []
    for turn in range(6):
        tasks += await _asked(writer, [f"{turn} {n}" for n in range(3)])
    await asyncio.gather(*tasks)
    assert groups == [18]
    assert len(await _stored()) == 18


async def test_no_more_than_a_group_is_gathered(writer: Writer, groups: list[int]) -> None:
    tasks = []
    for turn in range(30):  # without a quiet turn between them
        tasks += await _asked(writer, [f"{turn} {n}" for n in range(20)])
    await asyncio.gather(*tasks)
    assert sum(groups) == 600
    assert groups[0] <= 256 + 20


async def test_what_is_being_gathered_when_the_writer_closes_is_told_so(writer: Writer) -> None:
    tasks = await _asked(writer, ["a", "b"])
    assert writer.waiting == 2
    writer.close()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(one) for one in told] == [Stopped, Stopped]
    assert writer.waiting == 0
    assert await _stored() == []


async def test_what_is_being_gathered_counts_as_waiting(ledger_db: object) -> None:
    writer = Writer(Listeners(), depth=2)
    try:
        tasks = await _asked(writer, ["a", "b", "c"])
        told = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        writer.close()
    assert [type(one) for one in told] == [str, str, Overloaded]
    assert await _stored() == ["a", "b"]


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests each commit had."""
    told: list[int] = []

    def note(requests: int, _seconds: float, _stored: bool) -> None:
        told.append(requests)

    monkeypatch.setattr(writer_module, "_observers", [note])
    return told
