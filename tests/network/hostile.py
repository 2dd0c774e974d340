"""Peers that do not keep to HTTP, or to anything: functions that are handed a connection."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

Behaviour = Callable[[socket.socket], None]

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
UNTIL_CLOSED = OK + b"\r\n"


class RawPeer:
    """Listens on a free port, and lets `behave` do what it will with each connection."""

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self.asked = 0
        self.heads: list[bytes] = []
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> RawPeer:
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()
        for client in self._clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
            client.close()

    def wait_until_asked(self, times: int) -> None:
        """A connection counts when it is taken, a moment after it was made."""
        deadline = time.monotonic() + 20
        while self.asked < times and time.monotonic() < deadline:
            time.sleep(0.005)
        assert self.asked == times

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.asked += 1
            self._clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (piece := client.recv(65536)):
                    return
                head += piece
            self.heads.append(head)
            self._behave(client)
            client.close()


def whole(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> bytes:
    """An answer as it should be, but for what `lines` add."""
    first = (b"HTTP/1.1 " + status, b"Content-Type: application/json")
    return b"\r\n".join((*first, b"Content-Length: %d" % len(body), *lines, b"", b"")) + body


def sends(*pieces: bytes) -> Behaviour:
    """Say this, and hang up."""

    def behave(client: socket.socket) -> None:
        for piece in pieces:
            client.sendall(piece)

    return behave


def repeats(first: bytes, again: bytes, pause: float = 0.0) -> Behaviour:
    """Say this, and then that for ever."""

    def behave(client: socket.socket) -> None:
        client.sendall(first)
        while True:
            client.sendall(again)
            time.sleep(pause)

    return behave


def drips(text: bytes, pause: float) -> Behaviour:
    """Say this a byte at a time."""

    def behave(client: socket.socket) -> None:
        for at in range(len(text)):
            client.sendall(text[at : at + 1])
            time.sleep(pause)

    return behave


def sends_and_waits(*pieces: bytes) -> Behaviour:
    """Say this, and never hang up."""

    def behave(client: socket.socket) -> None:
        sends(*pieces)(client)
        while client.recv(65536):
            pass

    return behave


def resets(first: bytes) -> Behaviour:
    """Say this, and break the connection off."""

    def behave(client: socket.socket) -> None:
        client.sendall(first)
        time.sleep(0.05)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def in_chunks(body: bytes, size: int) -> bytes:
    pieces = [chunk(body[at : at + size]) for at in range(0, len(body), size)]
    return CHUNKED + b"".join(pieces) + b"0\r\n\r\n"


def bomb(size: int) -> bytes:
    """So many bytes of nothing, in whole mebibytes, compressed a thousandfold.

    One after the other, which is a gzip file too: nobody waits for two hundred to be compressed.
    """
    return gzip.compress(bytes(2**20)) * (size // 2**20)


def body_with(second: str, genesis: dict[str, Any]) -> bytes:
    """A chain body whose second block is this text."""
    return f'{{"chain": [{json.dumps(genesis)}, {second}], "length": 2}}'.encode()
