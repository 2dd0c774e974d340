"""WebSocket clients that do not listen, or do not stop talking."""

from __future__ import annotations

import json
import os
import struct
import sys
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
from twisted.internet.error import ConnectionAborted
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from websockets.sync.client import ClientConnection
from websockets.sync.client import connect as connect_websocket

from chainsite import ws_protocol
from chainsite.flow import Flow
from chainsite.limits import Limits
from chainsite.ws_protocol import GuardedWebSocketFactory
from tests.live.wire import handshake, resident_bytes, write_refusals
from tests.processes import NodeProcess

from .conftest import PROXY
from .hostile import MEGABYTE, connect, read_to_end, until

# Together more than the 4 MB that the system keeps for a connection and the node's box hold.
STUCK, EVENTS, SIZE = 20, 1000, 8000
CONTINUATION, TEXT, CLOSE, PING = 0x0, 0x1, 0x8, 0x9
FINAL = 0x80

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures by /proc")


def frame(first: int, payload: bytes, length: int | None = None) -> bytes:
    """A client's frame; `length` is what it says of itself."""
    length = len(payload) if length is None else length
    if length < 126:
        head = struct.pack("!BB", first, 0x80 | length)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, length)
    return head + bytes(4) + payload


def opened(target: NodeProcess, stack: ExitStack, buffer: int = 0):
    status, connection = handshake(
        target, host=f"127.0.0.1:{target.port}", origin=None, buffer=buffer
    )
    assert status == 101
    return stack.enter_context(connection)


def read_events(reading: ClientConnection, count: int) -> None:
    while count:
        count -= json.loads(reading.recv(20))["kind"] == "refusal"


def stuck_clients_cost_little(node: NodeProcess) -> None:
    with ExitStack() as stack:
        reading = stack.enter_context(
            connect_websocket(f"{node.url.replace('http', 'ws')}/ws/", max_size=None)
        )
        assert json.loads(reading.recv(10))["kind"] == "snapshot"
        node.get("/api/v1/pool")  # else what the API's modules take could come in between
        # What the events cost themselves, for one who reads, is no matter here.
        for _ in range(EVENTS // 100):
            write_refusals(node, *[["x" * SIZE] * 20] * 5)
            read_events(reading, 100)
        clients = [opened(node, stack, buffer=4096) for _ in range(STUCK)]
        before = most = resident_bytes(node)
        for _ in range(EVENTS // 100):
            write_refusals(node, *[["x" * SIZE] * 20] * 5)
            read_events(reading, 100)
            most = max(most, resident_bytes(node))
        assert node.get("/").status_code == 200
        assert node.get("/chain").status_code == 200
        taken = [read_to_end(client)[1] for client in clients]
    assert max(taken) < EVENTS * SIZE, "they could have read it all"
    assert most - before < 5 * MEGABYTE, f"{(most - before) / MEGABYTE:.1f} MB more"


def test_20_stuck_clients_under_1000_events_cost_little(target: NodeProcess) -> None:
    stuck_clients_cost_little(target)


@pytest.mark.slow
def test_the_same_of_a_node_as_it_comes(node_process: Callable[..., NodeProcess]) -> None:
    stuck_clients_cost_little(node_process(difficulty=1))


def test_a_flood_of_pings_ends_and_is_not_answered_for_long(target: NodeProcess) -> None:
    before = resident_bytes(target)
    with ExitStack() as stack:
        client = opened(target, stack, buffer=4096)
        pings, sent = frame(FINAL | PING, b"x" * 125) * 500, 0
        try:
            while sent < 50 * MEGABYTE:
                client.sendall(pings)
                sent += len(pings)
        except ConnectionError:
            pass
        assert 0 < sent < 50 * MEGABYTE
    assert resident_bytes(target) - before < 5 * MEGABYTE
    until(lambda: "limit on WebSocket frames" in target.text)


def test_a_client_may_ping_as_libraries_do(target: NodeProcess) -> None:
    with ExitStack() as stack:
        client = opened(target, stack)
        for _ in range(30):
            client.sendall(frame(FINAL | PING, b"still there?"))
        seen = b""
        while seen.count(b"still there?") < 30:
            seen += client.recv(65536)


@pytest.mark.parametrize(
    ("what", "first", "repeated"),
    [
        ("a frame of 64 MB", frame(TEXT | FINAL, b"", 64 * MEGABYTE), b"x" * 65536),
        ("fragments without end", frame(TEXT, b"x"), frame(CONTINUATION, b"x" * 100) * 100),
        ("empty fragments", frame(TEXT, b""), frame(CONTINUATION, b"") * 1000),
        ("many messages", b"", frame(TEXT | FINAL, b"hello") * 1000),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else "",
)
def test_who_says_much_is_cut_off_before_it_is_kept(
    target: NodeProcess, what: str, first: bytes, repeated: bytes
) -> None:
    before = resident_bytes(target)
    with ExitStack() as stack:
        client = opened(target, stack)
        sent = 0
        try:
            client.sendall(first)
            while sent < 64 * MEGABYTE:
                client.sendall(repeated)
                sent += len(repeated)
        except ConnectionError:
            pass
        assert sent < 64 * MEGABYTE, f"all of {what} was taken"
    assert resident_bytes(target) - before < 5 * MEGABYTE


def test_one_that_said_goodbye_and_does_not_read_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What waits to be sent is sent before a connection closes, unless it is never taken."""
    clock, left = Clock(), []
    monkeypatch.setattr(ws_protocol, "reactor", clock)
    server = SimpleNamespace(limits=Limits.from_settings(), left=left.append)
    protocol = GuardedWebSocketFactory(server, server="").buildProtocol(None)
    transport = StringTransport()
    transport.registerProducer(Flow(), True)
    protocol.makeConnection(transport)
    protocol.dropConnection(abort=False)
    assert transport.disconnecting
    clock.advance(server.limits.write_deadline - 1)
    assert not transport.disconnected
    clock.advance(1)
    assert transport.disconnected
    protocol.connectionLost(Failure(ConnectionAborted()))
    assert left == [transport]


def asks_from(target: NodeProcess, source: str, scheme: str, *lines: str) -> int:
    """The status of a handshake with that Origin, from that address of this machine."""
    head = (
        "GET /ws/ HTTP/1.1",
        "Host: localhost",
        f"Origin: {scheme}://localhost",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {os.urandom(8).hex()}AAAAAA==",
        "Sec-WebSocket-Version: 13",
        *lines,
    )
    with connect(target, source=source) as client:
        client.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        return int(client.recv(12).split()[1])


FORWARDED = ("X-Forwarded-For: 192.0.2.1, 192.0.2.7", "X-Forwarded-Proto: https")


def test_behind_a_tls_proxy_pages_of_https_may_open_one(target: NodeProcess) -> None:
    assert asks_from(target, PROXY, "https", *FORWARDED) == 101
    assert asks_from(target, PROXY, "http", *FORWARDED) == 403
    assert asks_from(target, PROXY, "http") == 101


def test_what_a_stranger_says_of_a_proxy_is_not_believed(target: NodeProcess) -> None:
    assert asks_from(target, "127.0.0.1", "https", *FORWARDED) == 403
    assert asks_from(target, "127.0.0.1", "http", *FORWARDED) == 101
