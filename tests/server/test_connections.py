"""Connections that are opened and not used, or used a byte at a time."""

from __future__ import annotations

import contextlib
import resource
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.wire import handshake
from tests.processes import NodeProcess

from .conftest import CONNECTIONS, DEADLINE
from .hostile import connect, connections_of, many, read_to_end, until

HALF_OPEN = 300
HEAD = b"GET /chain HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /transactions/new HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
HEARTBEAT = 0.3

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts by /proc")


def half_open_connections_are_gone(node: NodeProcess, deadline: float, seconds: float) -> None:
    """A third says nothing, a third half a head, a third goes on with a header now and then."""
    until(lambda: connections_of(node) == 0)
    with many(node, HALF_OPEN) as clients:
        begun = time.monotonic()
        for client in clients[HALF_OPEN // 3 :]:
            client.sendall(HEAD)
        until(lambda: connections_of(node) == HALF_OPEN)
        dripping = clients[-HALF_OPEN // 3 :]
        while connections_of(node) and time.monotonic() - begun < seconds:
            for client in dripping:
                with contextlib.suppress(OSError):  # it is closed
                    client.sendall(b"X-Slow: 1\r\n")
            time.sleep(min(HEARTBEAT, seconds / 20))
        took = time.monotonic() - begun
        assert connections_of(node) == 0, "some are left"
        assert deadline * 0.9 < took < seconds
        assert read_to_end(clients[0])[0] == b""
        assert read_to_end(clients[HALF_OPEN // 2])[0].startswith(b"HTTP/1.1 408 ")
    assert node.get("/", timeout=5).status_code == 200


def test_half_open_connections_are_gone_after_the_deadline(target: NodeProcess) -> None:
    half_open_connections_are_gone(target, DEADLINE, DEADLINE * 3)
    until(lambda: "limit on time for a request's head" in target.text)
    assert target.text.count("limit on time for a request's head") == 1, "a line a minute"


@pytest.mark.slow
def test_of_300_half_open_connections_none_is_left_after_15_seconds(
    node_process: Callable[..., NodeProcess],
) -> None:
    """With the settings as they come."""
    half_open_connections_are_gone(node_process(difficulty=1), 10.0, 15.0)


def test_a_slow_body_is_given_up(target: NodeProcess) -> None:
    for lines in (b"Content-Length: 1000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"):
        with connect(target) as client:
            begun = time.monotonic()
            client.sendall(POST + lines)
            for _ in range(3):
                time.sleep(HEARTBEAT)
                client.sendall(b"1\r\nx\r\n")
            assert read_to_end(client)[0].startswith(b"HTTP/1.1 408 ")
            assert time.monotonic() - begun < DEADLINE * 2


def test_an_idle_connection_is_closed_and_until_then_kept(target: NodeProcess) -> None:
    with connect(target) as client:
        for _ in range(3):
            client.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
            time.sleep(DEADLINE / 2)
        client.sendall(b"HEAD / HT")  # from now on, the deadline of a head
        begun = time.monotonic()
        assert client.recv(4096).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - begun > DEADLINE * 0.8
    with connect(target) as client:
        client.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        first, _, cut_off = read_to_end(client)
        assert first.startswith(b"HTTP/1.1 200 ")
        assert not cut_off


def test_a_websocket_stays_though_its_client_says_nothing(target: NodeProcess) -> None:
    status, connection = handshake(target, host=f"127.0.0.1:{target.port}", origin=None)
    with connection:
        assert status == 101
        time.sleep(DEADLINE * 2)
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            while connection.recv(65536):
                pass


def test_one_connection_too_many_is_told_so(target: NodeProcess) -> None:
    until(lambda: connections_of(target) == 0)
    with many(target, CONNECTIONS):
        until(lambda: connections_of(target) == CONNECTIONS)
        for _ in range(20):
            with connect(target) as late:
                first, _, _ = read_to_end(late)
                assert first.startswith(b"HTTP/1.1 503 ")
                assert b"Retry-After: 5\r\n" in first
    until(lambda: "limit on connections:" in target.text)
    assert target.text.count("limit on connections:") == 1, "a line for each would fill the disk"
    until(lambda: connections_of(target) == 0)
    assert target.get("/").status_code == 200


@pytest.mark.parametrize("lines", [b"Origin: http://elsewhere\r\nSec-WebSocket-Key: x\r\n", b""])
def test_handshakes_that_fail_leave_their_places(target: NodeProcess, lines: bytes) -> None:
    asking = b"GET /ws/ HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n" + lines + b"\r\n"
    for _ in range(CONNECTIONS + 20):
        with connect(target) as client:
            client.sendall(asking)
            first, _, _ = read_to_end(client)
            assert first.startswith(b"HTTP/1.1 4"), first
    assert target.get("/").status_code == 200


def test_without_file_descriptors_it_goes_on_when_there_are_some_again(
    target: NodeProcess,
) -> None:
    pid = target.process.pid
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    count = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    try:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (count + 40, limits[1]))
        with many(target, 100) as clients:
            refused = 0
            for client in clients:
                client.settimeout(DEADLINE * 3)
                client.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
                refused += not read_to_end(client)[0]
            assert refused, "there were descriptors enough"
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
    assert target.get("/chain").status_code == 200


@pytest.mark.parametrize("path", ["/chain", "/nowhere"])
def test_a_client_of_http_1_0_may_close_its_half_and_listen(target: NodeProcess, path: str) -> None:
    with connect(target) as client:
        client.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        client.shutdown(socket.SHUT_WR)
        first, count, cut_off = read_to_end(client)
    assert not cut_off
    assert first.startswith(b"HTTP/1.0 200 " if path == "/chain" else b"HTTP/1.0 404 ")
    assert count > (15_000_000 if path == "/chain" else 100)
