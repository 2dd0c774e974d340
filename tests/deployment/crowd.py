"""Many WebSockets in one light process, each coming back with its number as a page does.

    python -m tests.deployment.crowd URL COUNT

Says `ready` once every socket had its first frame. A line of standard input is the number of the
last event and a time in seconds: when every socket had it, or the time is over, prints as JSON what
they heard. What many receive is the same bytes, so it is looked up whole and parsed once.
"""

from __future__ import annotations

import json
import random
import re
import select
import socket
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from bench.sockets import frames
from deploy.local import PROJECT

_HEAD = re.compile(rb'\{"kind":"([a-z-]+)","seq":(\d+)(,"at")?')
_CLOSE, _PING, _PONG = 8, 9, 10
_REMEMBERED: Final = 4096
_HANDSHAKE: Final = 30.0  # seconds
_AT_ONCE: Final = 50
"""New connections, before those that are there are read again."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came in one go. `since` is the number of a `snapshot`; `code` of the closing, or 0."""

    since: int | None
    events: tuple[int, ...]
    pings: tuple[bytes, ...]
    code: int
    rest: bytes

    @classmethod
    def of(cls, data: bytes) -> Heard:
        since, events, pings, code, end = None, list[int](), list[bytes](), 0, 0
        for opcode, payload, end in frames(data):  # noqa: B007
            if opcode == _PING:
                pings.append(payload)
            elif opcode == _CLOSE:
                code = int.from_bytes(payload[:2])
            elif match := _HEAD.match(payload):
                if match[1] == b"snapshot":
                    since = int(match[2])
                elif match[3]:
                    events.append(int(match[2]))
        return cls(since, tuple(events), tuple(pings), code, data[end:])


class Caller:
    """One client. `begun` are the numbers of its snapshots: one, unless it was away too long."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.seen: list[int] = []
        self.joined = 0
        self.socket: socket.socket | None = None
        self.is_joined = False
        self.rest = b""
        self.until = 0.0
        """When to call again, or to give the handshake up."""

    @property
    def last(self) -> int:
        return self.seen[-1] if self.seen else self.begun[-1] if self.begun else -1

    def call(self, place: Any) -> None:
        """Raises OSError."""
        self.rest, self.is_joined = b"", False
        self.socket = socket.create_connection((place.hostname, place.port), timeout=2)
        query = f"?after={self.last}" if self.begun else ""
        self.socket.sendall(
            f"GET /ws/{query} HTTP/1.1\r\nHost: {place.netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Origin: http://{place.netloc}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.socket.setblocking(False)
        self.until = time.monotonic() + _HANDSHAKE

    def hang_up(self, pause: float) -> None:
        if self.socket:
            self.socket.close()
        self.socket, self.is_joined = None, False
        self.until = time.monotonic() + pause


class Crowd:
    def __init__(self, url: str, count: int) -> None:
        self.callers = [Caller() for _ in range(count)]
        self.closed: Counter[str] = Counter()
        """How connections ended."""
        self._place = urlsplit(url)
        self._ready = select.epoll()
        self._by_number: dict[int, Caller] = {}
        self._known: dict[bytes, Heard] = {}
        self._buffer = memoryview(bytearray(1024 * 1024))

    def turn(self) -> None:
        """Read what there is to read, and call for those that are away."""
        for number, _ in self._ready.poll(0.05):
            caller = self._by_number[number]
            try:
                self._take(caller)
            except BlockingIOError:
                continue
            except OSError as error:
                self._lose(caller, str(error) or type(error).__name__)
        now = time.monotonic()
        away = [one for one in self.callers if not one.is_joined and one.until < now]
        for caller in away[:_AT_ONCE]:
            if caller.socket:
                self._lose(caller, "no handshake in time")
            else:
                self._call(caller)

    def _call(self, caller: Caller) -> None:
        try:
            caller.call(self._place)
        except OSError:
            caller.hang_up(random.uniform(0.05, 0.3))
            return
        assert caller.socket
        self._by_number[caller.socket.fileno()] = caller
        self._ready.register(caller.socket, select.EPOLLIN)

    def _lose(self, caller: Caller, why: str) -> None:
        self.closed[why] += 1
        caller.hang_up(random.uniform(0.05, 0.3))

    def _take(self, caller: Caller) -> None:
        assert caller.socket
        count = caller.socket.recv_into(self._buffer)
        if not count:
            raise ConnectionError("closed")
        data = caller.rest + bytes(self._buffer[:count])
        if not caller.is_joined:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                caller.rest = head
                return
            if b" 101 " not in head[:13]:
                raise ConnectionError(f"refused: {head[9:12].decode()}")
            caller.is_joined = True
            caller.joined += 1
        self._hear(caller, data)

    def _hear(self, caller: Caller, data: bytes) -> None:
        heard = self._known.get(data)
        if heard is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            heard = self._known[data] = Heard.of(data)
        caller.rest = heard.rest
        if heard.since is not None:
            caller.begun.append(heard.since)
        caller.seen += heard.events
        for payload in heard.pings:
            # Masked with zeros: what is to be sent back stands as it came.
            head = bytes([0x80 | _PONG, 0x80 | len(payload), 0, 0, 0, 0])
            assert caller.socket
            caller.socket.sendall(head + payload)
        if heard.code:
            raise ConnectionError(f"closed with {heard.code}")


def main() -> None:
    crowd = Crowd(sys.argv[1], int(sys.argv[2]))
    while not all(one.begun for one in crowd.callers):
        crowd.turn()
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        crowd.turn()
    last, seconds = map(int, sys.stdin.readline().split())
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(one.last < last for one in crowd.callers):
        crowd.turn()
    # Most heard the very same.
    told = Counter((tuple(one.begun), tuple(one.seen)) for one in crowd.callers)
    heard = [[begun, seen, count] for (begun, seen), count in told.items()]
    joined = [one.joined for one in crowd.callers]
    print(json.dumps({"heard": heard, "joined": joined, "closed": crowd.closed}), flush=True)


class Process:
    """The crowd as a process, ready. Raises `AssertionError` where it does not become so."""

    def __init__(self, url: str, count: int) -> None:
        command = [sys.executable, "-m", "tests.deployment.crowd", url, str(count)]
        self._process = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._line() == "ready\n"

    def told(self, last: int, seconds: int) -> dict[str, Any]:
        """What all heard, once they had that event or the time is over."""
        assert self._process.stdin
        self._process.stdin.write(f"{last} {seconds}\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._line())
        return told

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()


if __name__ == "__main__":
    main()
