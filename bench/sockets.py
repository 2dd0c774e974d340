"""Many WebSockets in one light process: raw sockets, no frame read beyond its head.

    python -m bench.sockets URL COUNT --events 2 --seconds 30

Says `ready` once every socket has its first frame, then reads until every socket has seen that
many more events, or the seconds are over, and prints what came as JSON: for each event how long
after it was written the last socket had it, and whether any socket had a gap in the numbers.
"""

from __future__ import annotations

import argparse
import json
import re
import selectors
import socket
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

_HEAD = re.compile(rb'\{"kind":"([a-z-]+)","seq":(\d+)(?:,"at":"([^"]+)")?')
_PING, _PONG = 9, 10


def frames(data: bytearray) -> Iterator[tuple[int, memoryview]]:
    """The whole frames in `data`, which a server sent: opcode and payload. They are taken out."""
    view, at = memoryview(bytes(data)), 0
    while len(view) - at >= 2:
        size, begin = view[at + 1], at + 2
        if size >= 126:
            begin += 2 if size == 126 else 8
            if begin > len(view):
                break
            size = int.from_bytes(view[at + 2 : begin])
        if begin + size > len(view):
            break
        yield view[at] & 15, view[begin : begin + size]
        at = begin + size
    del data[:at]


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
        self.data = bytearray()

    def shake_hands(self) -> None:
        """Raises ConnectionError where the server will not."""
        while b"\r\n\r\n" not in self.data:
            some = self.socket.recv(4096)
            self.data += some
            if not some or (len(self.data) > 12 and b" 101 " not in self.data[:13]):
                raise ConnectionError(f"refused: {bytes(self.data[:60])!r}")
        del self.data[: self.data.index(b"\r\n\r\n") + 4]
        self.socket.setblocking(False)


class Crowd:
    """Opens the sockets, a few at a time, and watches them."""

    def __init__(self, url: str, count: int) -> None:
        self._ready = selectors.DefaultSelector()
        self.clients: list[Client] = []
        self.gaps = 0
        self.lost = 0
        self.delays: list[float] = []
        """Seconds from an event's writing until a socket had it, for every event and socket."""
        for begin in range(0, count, 50):
            some = [Client(urlsplit(url)) for _ in range(min(50, count - begin))]
            for client in some:
                client.shake_hands()
                self._ready.register(client.socket, selectors.EVENT_READ, client)
                self._hear(client)
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
            for key, _ in self._ready.select(left):
                before = key.data.seq
                self._take(key.data)
                waiting -= before < goal <= key.data.seq

    def _read_what_is_there(self) -> None:
        for key, _ in self._ready.select(0):
            self._take(key.data)

    def _take(self, client: Client) -> None:
        try:
            some = client.socket.recv(262144)
        except BlockingIOError:
            return
        except ConnectionError:
            some = b""
        if not some:
            self._ready.unregister(client.socket)
            self.lost += 1
            return
        client.data += some
        self._hear(client)

    def _hear(self, client: Client) -> None:
        now = time.time()
        for opcode, payload in frames(client.data):
            if opcode == _PING:
                # Masked with zeros: what is to be sent back stands as it came.
                head = bytes([0x80 | _PONG, 0x80 | len(payload), 0, 0, 0, 0])
                client.socket.sendall(head + payload)
            elif match := _HEAD.match(payload):
                seq = int(match[2])
                if match[3]:
                    self.gaps += seq != client.seq + 1
                    self.delays.append(now - datetime.fromisoformat(match[3].decode()).timestamp())
                client.seq = max(seq, client.seq)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("--events", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    crowd = Crowd(options.url, options.count)
    print("ready", flush=True)
    crowd.watch(options.events, options.seconds)
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
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
