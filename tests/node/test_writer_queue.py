"""The writer's queue, and those who listen to it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from ledger.node.errors import NodeError, NotAccepted, Overloaded, Stopped
from ledger.node.events import Listeners
from ledger.node.writer import Writer
from tests import databases

from .scenarios import together
from .writes import refuse, register, registered, registering


class Held:
    """A writer that is busy until released."""

    def __init__(self, writer: Writer) -> None:
        self._entered, self._leave = threading.Event(), threading.Event()
        writer.submit(self._hold)
        assert self._entered.wait(10)

    def _hold(self) -> None:
        self._entered.set()
        assert self._leave.wait(30)

    def release(self) -> None:
        self._leave.set()


def test_a_full_queue_refuses_at_once_and_says_when_to_come_again(
    ledger_db: Path, listeners: Listeners
) -> None:
    writer = Writer(listeners, depth=2)
    held = Held(writer)
    taken = [writer.submit(lambda: register("first")), writer.submit(lambda: register("second"))]
    assert writer.waiting == 2
    with pytest.raises(Overloaded) as refused:
        writer.submit(lambda: register("third"))
    assert refused.value.retry_after >= 1
    held.release()
    assert [future.result(10) for future in taken] == ["first", "second"]
    writer.close()
    assert registered() == ["first", "second"]


def test_closing_finishes_what_was_queued_and_takes_nothing_more(
    writer: Writer,
) -> None:
    held = Held(writer)
    futures = [writer.submit(registering(number)) for number in range(600)]  # over two groups
    closing_thread = threading.Thread(target=writer.close)
    closing_thread.start()
    while True:  # until it is closing
        try:
            futures.append(writer.submit(registering(len(futures))))
        except Stopped:
            break
    held.release()
    closing_thread.join(30)
    assert [future.result(0) for future in futures] == [f"peer {n}" for n in range(len(futures))]
    assert len(registered()) == len(futures)
    writer.close()  # again, harmlessly


def test_closing_a_full_queue_finishes_it_too(ledger_db: Path, listeners: Listeners) -> None:
    writer = Writer(listeners, depth=1)
    held = Held(writer)
    future = writer.submit(lambda: register("last"))
    closing_thread = threading.Thread(target=writer.close)
    closing_thread.start()
    held.release()
    closing_thread.join(10)
    assert future.result(0) == "last"


def test_what_is_cancelled_before_its_turn_is_not_written(writer: Writer) -> None:
    held = Held(writer)
    kept, withdrawn = (writer.submit(registering(number)) for number in range(2))
    assert withdrawn.cancel()
    held.release()
    assert kept.result(10) == "peer 0"
    with pytest.raises(CancelledError):
        withdrawn.result(10)
    assert registered() == ["peer 0"]


def test_what_has_begun_is_not_cancelled_but_written(writer: Writer) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slowly() -> str:
        entered.set()
        assert leave.wait(30)
        return register("begun")

    future = writer.submit(slowly)
    assert entered.wait(10)
    assert not future.cancel()
    leave.set()
    assert future.result(10) == "begun"


async def test_who_stops_waiting_before_its_turn_takes_the_request_back(writer: Writer) -> None:
    held = Held(writer)
    waiting = asyncio.create_task(writer.perform(lambda: register("withdrawn")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    held.release()
    assert await writer.perform(registered) == []


# --- listeners ------------------------------------------------------------------------------------


def test_listeners_hear_after_the_commit_and_once_a_group(
    writer: Writer, listeners: Listeners, ledger_db: Path
) -> None:
    heard = list[list[str]]()

    def look() -> None:
        # On a connection of its own, which sees only what is committed.
        rows = databases.rows(ledger_db, "SELECT address FROM ledger_peer ORDER BY id")
        heard.append([address for (address,) in rows])

    forget = listeners.add(look)
    together(writer, lambda: [writer.submit(registering(number)) for number in range(3)])
    writer.run(lambda: None)  # behind the listeners of the group
    assert heard[1] == ["peer 0", "peer 1", "peer 2"]
    forget()
    writer.run(lambda: None)
    told = len(heard)
    writer.run(lambda: register("unheard"))
    writer.run(lambda: None)
    assert len(heard) == told


def test_listeners_do_not_hear_of_what_was_undone(writer: Writer, listeners: Listeners) -> None:
    heard = list[None]()
    listeners.add(lambda: heard.append(None))
    with pytest.raises(NotAccepted):
        writer.run(lambda: refuse("alone"))
    assert heard == []


def test_a_listener_that_fails_harms_nobody(writer: Writer, listeners: Listeners) -> None:
    heard = threading.Event()

    def fail() -> None:
        raise NodeError("this listener fails")

    listeners.add(fail)
    listeners.add(heard.set)
    assert writer.run(lambda: register("told")) == "told"
    assert heard.wait(10)
    assert writer.run(lambda: register("later")) == "later"
