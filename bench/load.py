"""Load for HTTP, from a process of its own: wrk where it is installed, else a light client.

python -m bench.load URL --connections 8 --seconds 5      posts transactions; prints JSON
"""

from __future__ import annotations

import argparse
import json
import re
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_BODY = '{"sender": "alice", "recipient": "bob", "amount": 5}'
_LUA = f"""
wrk.method = "POST"
wrk.body = '{_BODY}'
wrk.headers["Content-Type"] = "application/json"
"""


def posts(url: str, connections: int, seconds: float) -> dict[str, Any]:
    """Post transactions as fast as they are taken: rate, percentiles in ms, failures, by whom."""
    if shutil.which("wrk"):
        return _wrk(f"{url}/transactions/new", connections, seconds, _LUA)
    command = [sys.executable, "-m", "bench.load", url]
    command += ["--connections", str(connections), "--seconds", str(seconds)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def gets(url: str, connections: int, seconds: float) -> dict[str, Any]:
    """Get a page as fast as it is answered. Needs wrk: a client in Python would measure itself."""
    return _wrk(url, connections, seconds, "")


def _wrk(url: str, connections: int, seconds: float, lua: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "requests.lua"
        script.write_text(lua)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency"]
        command += ["-s", str(script), url]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert rate, text
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return {
        "rate": float(rate[1]),
        "p50": _milliseconds(text, "50%"),
        "p99": _milliseconds(text, "99%"),
        "failed": int(failed[1]) if failed else 0,
        "by": "wrk",
    }


def _milliseconds(text: str, percentile: str) -> float:
    match = re.search(rf"{percentile}\s+([\d.]+)(us|ms|s)", text)
    assert match, text
    return round(float(match[1]) * {"us": 0.001, "ms": 1, "s": 1000}[match[2]], 2)


class _Connection:
    """One request after the other; a server that closes after each answer is connected to anew."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self._address = address
        self._request = request
        self.socket = self._connect()
        self._answer = b""
        self._begun = 0.0

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def ask(self) -> None:
        self._answer = b""
        self._begun = time.perf_counter()
        self.socket.sendall(self._request)

    def take(self) -> tuple[float, bool] | None:
        """Read what there is; once the answer is whole, its seconds and whether it is a 201."""
        data = self.socket.recv(65536)
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if data and not end:
            return None
        size = re.search(rb"(?i)content-length: (\d+)", head)
        if data and size and len(body) < int(size[1]):
            return None
        taken = time.perf_counter() - self._begun
        is_kept = b"HTTP/1.1" in head[:9] and b"close" not in head.lower()
        if not data or not is_kept:
            self.socket.close()
            self.socket = self._connect()
        return taken, b" 201 " in head[:16]


def _request(netloc: str) -> bytes:
    return (
        f"POST /transactions/new HTTP/1.1\r\nHost: {netloc}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n\r\n{_BODY}"
    ).encode()


def _light(url: str, connections: int, seconds: float) -> dict[str, Any]:
    place = urlsplit(url)
    request = _request(place.netloc)
    ready = selectors.DefaultSelector()
    for _ in range(connections):
        connection = _Connection((place.hostname or "", place.port or 80), request)
        connection.ask()
        ready.register(connection.socket, selectors.EVENT_READ, connection)
    taken: list[float] = []
    failed = 0
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for key, _ in ready.select(0.5):
            before, connection = key.fileobj, key.data
            if (answer := connection.take()) is None:
                continue
            taken.append(answer[0])
            failed += not answer[1]
            if connection.socket is not before:
                ready.unregister(before)
                ready.register(connection.socket, selectors.EVENT_READ, connection)
            connection.ask()
    elapsed = time.perf_counter() - begun
    taken.sort()
    return {
        "rate": round(len(taken) / elapsed, 1),
        "p50": round(taken[len(taken) // 2] * 1000, 2),
        "p99": round(taken[len(taken) * 99 // 100] * 1000, 2),
        "failed": failed,
        "by": "bench.load",
    }


def posts_evenly(url: str, rate: int, seconds: int, connections: int = 8) -> dict[str, Any]:
    """Post so many transactions a second, each at its time whether or not others were answered.

    Says how late the latest was sent, in ms, because no connection was free. Raises `RuntimeError`
    for an answer that is no 201.
    """
    place = urlsplit(url)
    request = _request(place.netloc)
    ready = selectors.DefaultSelector()
    free = [
        _Connection((place.hostname or "", place.port or 80), request) for _ in range(connections)
    ]
    begun, sent, latest = time.perf_counter(), 0, 0.0
    while sent < rate * seconds or len(free) < connections:
        late = time.perf_counter() - begun - sent / rate
        if sent < rate * seconds and free and late >= 0:
            connection = free.pop()
            connection.ask()
            ready.register(connection.socket, selectors.EVENT_READ, connection)
            sent, latest = sent + 1, max(latest, late)
            continue
        for key, _ in ready.select(None if late >= 0 else -late):
            if (answer := key.data.take()) is None:
                continue
            if not answer[1]:
                raise RuntimeError("a transaction was not taken")
            ready.unregister(key.fileobj)
            free.append(key.data)
    return {"rate": round(sent / (time.perf_counter() - begun), 1), "late": round(latest * 1000, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    print(json.dumps(_light(options.url, options.connections, options.seconds)))


if __name__ == "__main__":
    main()
