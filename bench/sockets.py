"""Many WebSockets in one light process: raw sockets, and nothing is parsed twice.

    python -m bench.sockets URL COUNT --events 2 --seconds 30

Says `ready` once every socket has its first frame, then reads until every socket has seen that
many more events, or the seconds are over, and prints what came as JSON: for each event how long
after it was written the last socket had it, and whether any socket had a gap in the numbers.

A node tells all its sockets the same bytes. So what a socket received is looked up by its bytes,
all of them, and parsed only if no socket received the same before: a client that parsed a hundred
thousand frames a second would measure itself.
"""

from __future__ import annotations

import argparse
import gc
import json
import re
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

_HEAD = re.compile(rb'\{"kind":"([a-z-]+)","seq":(\d+)(?:,"at":"([^"]+)")?')
_PING, _PONG = 9, 10
_REMEMBERED: Final = 4096  # pieces, before all are forgotten
_BUFFER: Final = 1024 * 1024
_PROJECT: Final = Path(__file__).resolve().parent.parent


def frames(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """The whole frames in `data`, which a server sent: opcode, payload, where the frame ends."""
    at = 0
    while len(data) - at >= 2:
        size, begin = data[at + 1], at + 2
        if size >= 126:
            begin += 2 if size == 126 else 8
            if begin > len(data):
                break
            size = int.from_bytes(data[at + 2 : begin])
        if begin + size > len(data):
            break
        opcode, at = data[at] & 15, begin + size
        yield opcode, data[begin:at], at


@dataclass(frozen=True, slots=True)
class Piece:
    """What came in one go: the numbers of its events, when they were written, what is told besides.

    `first` and `last` are numbers of events, `seq` of the last frame that has one, else -1.
    `gaps` are those inside. `rest` is the beginning of a frame whose end is yet to come.
    """

    first: int
    last: int
    seq: int
    gaps: int
    written: tuple[float, ...]
    pings: tuple[bytes, ...]
    rest: bytes

    @classmethod
    def of(cls, data: bytes) -> Piece:
        events: list[int] = []
        written: list[float] = []
        pings: list[bytes] = []
        seq, end = -1, 0
        for opcode, payload, end in frames(data):  # noqa: B007
            if opcode == _PING:
                pings.append(payload)
            elif match := _HEAD.match(payload):
                seq = int(match[2])
                if match[3]:
                    events.append(seq)
                    written.append(datetime.fromisoformat(match[3].decode()).timestamp())
        first, last = (events[0], events[-1]) if events else (0, 0)
        gaps = sum(after != before + 1 for before, after in pairwise(events))
        return cls(first, last, seq, gaps, tuple(written), tuple(pings), data[end:])


class Client:
    """One socket. `seq` is the last event it had, -1 before the first frame."""

    def __init__(self, place: Any) -> None:
        self.socket = socket.create_connection((place.hostname, place.port), timeout=30)
        self.socket.sendall(
            f"GET /ws/ HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Origin: http://{place.netloc}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.seq = -1
        self.rest = b""

    def shake_hands(self) -> None:
        """Raises ConnectionError where the server will not."""
        head = b""
        while b"\r\n\r\n" not in head:
            some = self.socket.recv(4096)
            head += some
            if not some or (len(head) > 12 and b" 101 " not in head[:13]):
                raise ConnectionError(f"refused: {head[:60]!r}")
        self.rest = head[head.index(b"\r\n\r\n") + 4 :]
        self.socket.setblocking(False)


class Crowd:
    """Opens the sockets, a few at a time, and watches them."""

    def __init__(self, url: str, count: int) -> None:
        self._ready = select.epoll()
        self._by_number: dict[int, Client] = {}
        self._known: dict[bytes, Piece] = {}
        self._buffer = memoryview(bytearray(_BUFFER))
        self.clients: list[Client] = []
        self.gaps = 0
        self.lost = 0
        self.delays: list[float] = []
        """Seconds from an event's writing until a socket had it, for every event and socket."""
        for begin in range(0, count, 50):
            some = [Client(urlsplit(url)) for _ in range(min(50, count - begin))]
            for client in some:
                client.shake_hands()
                self._by_number[client.socket.fileno()] = client
                self._ready.register(client.socket, select.EPOLLIN)
                self._hear(client, b"")
            self.clients += some
            self._read_until(0, 30)
            self._read_what_is_there()  # pings, which the first ones have to answer meanwhile

    def watch(self, events: int, seconds: float) -> None:
        """Read until every socket had so many events more."""
        self._read_until(max(client.seq for client in self.clients) + events, seconds)

    def _read_until(self, goal: int, seconds: float) -> None:
        waiting = sum(client.seq < goal for client in self.clients)
        end = time.monotonic() + seconds
        while waiting and (left := end - time.monotonic()) > 0:
            for number, _ in self._ready.poll(left):
                client = self._by_number[number]
                before = client.seq
                self._take(client)
                waiting -= before < goal <= client.seq

    def _read_what_is_there(self) -> None:
        for number, _ in self._ready.poll(0):
            self._take(self._by_number[number])

    def _take(self, client: Client) -> None:
        try:
            count = client.socket.recv_into(self._buffer)
        except BlockingIOError:
            return
        except ConnectionError:
            count = 0
        if not count:
            self._ready.unregister(client.socket)
            self.lost += 1
            return
        self._hear(client, bytes(self._buffer[:count]))

    def _hear(self, client: Client, some: bytes) -> None:
        now = time.time()
        data = client.rest + some if client.rest else some
        piece = self._known.get(data)
        if piece is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            piece = self._known[data] = Piece.of(data)
        client.rest = piece.rest
        if piece.first:
            self.gaps += piece.gaps + (piece.first != client.seq + 1)
            self.delays += [now - written for written in piece.written]
        if piece.seq > client.seq:
            client.seq = piece.seq
        for payload in piece.pings:
            # Masked with zeros: what is to be sent back stands as it came.
            head = bytes([0x80 | _PONG, 0x80 | len(payload), 0, 0, 0, 0])
            client.socket.sendall(head + payload)


def begin(url: str, count: int, events: int, seconds: int) -> subprocess.Popen[str]:
    """A crowd in a process of its own, all of its sockets accepted."""
    command = [sys.executable, "-m", "bench.sockets", url, str(count)]
    command += ["--events", str(events), "--seconds", str(seconds)]
    process = subprocess.Popen(command, cwd=_PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n", "the sockets were not all accepted"
    return process


def told(crowd: subprocess.Popen[str]) -> dict[str, Any]:
    """What it printed, once it ended."""
    assert crowd.stdout
    said: dict[str, Any] = json.loads(crowd.stdout.readline())
    crowd.wait()
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--events", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    crowd = Crowd(options.url, options.count)
    gc.disable()  # it would stop to look through millions of numbers
    print("ready", flush=True)
    begun = time.process_time(), time.monotonic()
    crowd.watch(options.events, options.seconds)
    busy = (time.process_time() - begun[0]) / (time.monotonic() - begun[1])
    delays = sorted(crowd.delays)
    print(
        json.dumps(
            {
                "sockets": len(crowd.clients),
                "received": len(delays),
                "gaps": crowd.gaps,
                "lost": crowd.lost,
                "p50": round(delays[len(delays) // 2] * 1000, 1) if delays else None,
                "p99": round(delays[len(delays) * 99 // 100] * 1000, 1) if delays else None,
                "most": round(delays[-1] * 1000, 1) if delays else None,
                "client_busy": round(busy, 3),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
