"""A large body is refused before it is read, and costs this node nothing."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.processes import NodeProcess

LIMIT = 64 * 1024
HUGE = 300 * 1024 * 1024
PATHS = (b"/transactions/new", b"/nodes/register", b"/mine", b"/nowhere")


def resident(process: NodeProcess) -> int:
    """Bytes of memory that process has in use."""
    if sys.platform != "linux":
        return 0
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


def read_to_end(client: socket.socket) -> bytes:
    answer = b""
    try:
        while piece := client.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass  # it was sent more than it wanted to read
    return answer


def send_until_refused(client: socket.socket, piece: bytes, total: int) -> int:
    """Send `piece` again and again; answer how many bytes went before the server hung up."""
    sent = 0
    try:
        while sent < total:
            client.sendall(piece)
            sent += len(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


@contextmanager
def connected(process: NodeProcess) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", process.port), timeout=5) as client:
        # A buffer of our own that holds little, so that what was sent is what was taken.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        yield client


def head(path: bytes, *lines: bytes) -> bytes:
    first = b"POST %s HTTP/1.1" % path
    common = (b"Host: localhost", b"Content-Type: application/json")
    return b"\r\n".join((first, *common, *lines, b"", b""))


@pytest.mark.parametrize("path", PATHS)
def test_a_length_beyond_the_limit_is_413_at_once(wire: NodeProcess, path: bytes) -> None:
    with connected(wire) as client:
        client.sendall(head(path, b"Content-Length: %d" % HUGE))
        answer = read_to_end(client)  # not a byte of the body was sent
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()
    assert answer.endswith(b"the body is too large\n")


def test_300_mb_with_their_length_are_refused_before_they_are_read(wire: NodeProcess) -> None:
    before = resident(wire)
    for path in PATHS:
        with connected(wire) as client:
            begun = time.monotonic()
            client.sendall(head(path, b"Content-Length: %d" % HUGE))
            sent = send_until_refused(client, bytes(16 * 1024), HUGE)
            answer = read_to_end(client)
            assert time.monotonic() - begun < 2
        assert sent < 1024 * 1024
        assert answer.startswith(b"HTTP/1.1 413 ") or answer == b""
    assert resident(wire) - before < 5 * 1024 * 1024
    assert wire.get("/chain").status_code == 200


@pytest.mark.parametrize("asked", [(), (b"Expect: 100-continue",)], ids=["plain", "asked"])
def test_300_mb_in_chunks_are_refused_as_soon_as_they_pass_the_limit(
    wire: NodeProcess, asked: tuple[bytes, ...]
) -> None:
    before = resident(wire)
    chunk = b"4000\r\n" + bytes(0x4000) + b"\r\n"
    for path in PATHS:
        with connected(wire) as client:
            begun = time.monotonic()
            client.sendall(head(path, b"Transfer-Encoding: chunked", *asked))
            if asked:
                assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            sent = send_until_refused(client, chunk, HUGE)
            answer = read_to_end(client)
            assert time.monotonic() - begun < 2
        assert LIMIT < sent < 1024 * 1024
        assert answer.startswith(b"HTTP/1.1 413 ") or answer == b""
    assert resident(wire) - before < 5 * 1024 * 1024
    assert wire.get("/chain").status_code == 200


def test_one_endless_chunk_is_refused_too(wire: NodeProcess) -> None:
    with connected(wire) as client:
        client.sendall(head(PATHS[0], b"Transfer-Encoding: chunked") + b"FFFFFFFF\r\n")
        assert send_until_refused(client, bytes(16 * 1024), HUGE) < 1024 * 1024


def test_a_client_that_asks_first_is_not_told_to_go_on(wire: NodeProcess) -> None:
    expecting = b"Expect: 100-continue"
    with connected(wire) as client:
        client.sendall(head(PATHS[0], b"Content-Length: %d" % HUGE, expecting))
        answer = read_to_end(client)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"100 Continue" not in answer
    assert answer.endswith(b"the body is too large\n")


def test_a_client_that_asks_first_may_send_what_fits(wire: NodeProcess) -> None:
    body = b'{"sender": "a", "recipient": "b", "amount": 1}'
    lines = (b"Content-Length: %d" % len(body), b"Expect: 100-continue", b"Connection: close")
    with connected(wire) as client:
        client.sendall(head(PATHS[0], *lines))
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(body)
        assert read_to_end(client).startswith(b"HTTP/1.1 201 ")


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_up_to_the_limit_a_body_is_read(wire: NodeProcess, size: int) -> None:
    body = b'{"sender": "a", "recipient": "b", "amount": 1}'.ljust(size)
    for chunked in (False, True):
        answer = wire.post(
            "/transactions/new",
            None,
            data=iter([body[:1000], body[1000:]]) if chunked else body,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 201


def test_what_follows_a_refused_body_is_not_taken_for_a_request(wire: NodeProcess) -> None:
    before = wire.get("/chain").content
    smuggled = b"GET /mine HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for lines in ((b"Content-Length: %d" % HUGE,), (b"Transfer-Encoding: chunked",)):
        with connected(wire) as client:
            client.sendall(head(PATHS[0], *lines) + smuggled * 3000)
            assert read_to_end(client).count(b"HTTP/1.1 ") <= 1
    time.sleep(0.2)
    assert wire.get("/chain").content == before


def test_an_ordinary_client_reads_why(wire: NodeProcess) -> None:
    """One that sends all of its body before it looks for an answer."""
    for size in (LIMIT + 1, 2 * LIMIT, 10 * LIMIT):
        answer = wire.post(
            "/transactions/new",
            None,
            data=bytes(size),
            headers={"Content-Type": "application/json"},
        )
        assert (answer.status_code, answer.text) == (413, "the body is too large\n")
