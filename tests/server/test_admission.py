"""The counting behind the limits: who is one client, who comes in, whose turn it is."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace

import pytest
from twisted.internet.address import IPv4Address

from chainsite import admission, descriptors
from chainsite.admission import Connections, Turns, client_group
from chainsite.http_protocol import GuardedChannel, GuardedHTTPFactory, GuardedRequest
from chainsite.limits import Limit, Limits, Refusals

SECONDS = 0.05


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8::1", "2001:db8::ffff:1"),
    ],
)
def test_who_counts_as_one_client(one: str, other: str) -> None:
    assert client_group(one) == client_group(other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")],
)
def test_who_does_not(one: str, other: str) -> None:
    assert client_group(one) != client_group(other)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "::ffff:127.0.0.1", ""])
def test_this_machine_is_no_stranger(host: str) -> None:
    assert client_group(host) is None


def test_one_address_does_not_take_all_connections() -> None:
    connections = Connections(total=5, per_address=2)
    assert [connections.admit("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [connections.admit(None) for _ in range(3)] == [True, True, True], "this machine"
    assert not connections.admit("192.0.2.2"), "there are five"
    connections.leave("192.0.2.1")
    assert connections.admit("192.0.2.2")


def test_by_default_40_browsers_of_a_classroom_come_in() -> None:
    """Each has a WebSocket and the six connections that browsers keep."""
    limits = Limits.from_settings()
    connections = Connections(limits.connections, limits.connections_per_address)
    assert all(connections.admit(f"192.168.0.{number}") for number in range(2, 42) for _ in "x" * 7)


def test_the_factory_asks_by_address_and_refuses_with_a_protocol_of_its_own() -> None:
    connections = Connections(total=10, per_address=2)
    server = SimpleNamespace(
        limits=Limits.from_settings(), admits=lambda address: connections.admit(address.host)
    )
    factory = GuardedHTTPFactory(server)
    built = [factory.buildProtocol(IPv4Address("TCP", "192.0.2.1", 1)) for _ in range(3)]
    assert [isinstance(protocol, GuardedChannel) for protocol in built] == [True, True, False]
    assert built[0].requestFactory is GuardedRequest
    assert built[0].timeOut == server.limits.head_deadline


async def test_turns_are_few_and_the_last_to_come_goes_first() -> None:
    turns = Turns(2)
    first, second = await turns.take(None), await turns.take(None)
    assert first is not None
    assert second is not None
    early = asyncio.create_task(turns.take(None))
    late = asyncio.create_task(turns.take(None))
    await asyncio.sleep(0)
    assert turns.is_wanted(first)
    turns.give_back(first)
    turns.give_back(first)
    assert await late is not None
    assert not early.done()
    turns.give_back(second)
    assert (last := await early) is not None
    assert not turns.is_wanted(last)


async def test_one_stranger_has_half_of_them() -> None:
    turns = Turns(4)
    its = [await turns.take("192.0.2.1") for _ in range(2)]
    third = asyncio.create_task(turns.take("192.0.2.1"))
    await asyncio.sleep(0)
    assert not third.done()
    other = await turns.take("192.0.2.2")
    assert other is not None
    assert not turns.is_wanted(other), "giving it back would help nobody"
    assert turns.is_wanted(its[0])
    turns.give_back(its[0])
    assert await third is not None


async def test_who_waits_too_long_or_with_too_many_gets_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(admission, "PATIENCE", SECONDS)
    monkeypatch.setattr(admission, "WAITING", 2)
    turns = Turns(1)
    held = await turns.take(None)
    waiting = [asyncio.create_task(turns.take(None)) for _ in range(3)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    assert [task.done() for task in waiting] == [True, False, False]
    assert await asyncio.gather(*waiting) == [None, None, None]
    turns.give_back(held)
    assert await turns.take(None) is not None


async def test_who_gives_up_while_waiting_keeps_no_turn() -> None:
    turns = Turns(1)
    held = await turns.take(None)
    for given_before in (False, True):
        waiting = asyncio.create_task(turns.take(None))
        await asyncio.sleep(0)
        if given_before:
            turns.give_back(held)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert await asyncio.wait_for(turns.take(None), 1) is not None


def test_the_log_hears_of_a_limit_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    refusals = Refusals()
    with caplog.at_level(logging.WARNING, "chainsite.limits"):
        for _ in range(1000):
            refusals.note(Limit.CONNECTIONS)
        refusals.note(Limit.FRAMES)
    assert len(caplog.records) == 2
    assert refusals.counts == {Limit.CONNECTIONS: 1000, Limit.FRAMES: 1}


class OpenFiles:
    """`resource` of a system with these limits."""

    RLIMIT_NOFILE, RLIM_INFINITY = 7, -1

    def __init__(self, soft: int, hard: int) -> None:
        self.limits = (soft, hard)

    def getrlimit(self, _: int) -> tuple[int, int]:
        return self.limits

    def setrlimit(self, _: int, limits: tuple[int, int]) -> None:
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "possible", "raised"),
    [
        (1024, 4096, 512, 512, 1024),
        (256, -1, 512, 512, 704),
        (1024, 4096, 10_000, 3904, 4096),
        (64, 64, 512, 32, 64),
    ],
)
def test_no_more_connections_than_the_system_has_descriptors_for(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    soft: int,
    hard: int,
    wanted: int,
    possible: int,
    raised: int,
) -> None:
    files = OpenFiles(soft, hard)
    monkeypatch.setattr(descriptors, "resource", files)
    assert descriptors.connections_possible(wanted) == possible
    assert files.limits == (raised, hard)
    assert ("instead of" in caplog.text) == (possible < wanted)
