"""Clients of a topology: they write, mine and listen, through whatever happens to it."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PATIENCE = 30.0


class Clients:
    """Threads that do the same again and again, until `stop`; what fails unexpectedly is raised
    there."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def run(self, count: int, work: Callable[[int], None], pause: float = 0.0) -> None:
        for number in range(count):
            arguments = (work, number, pause)
            thread = threading.Thread(target=self._go_on, args=arguments, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(2 * PATIENCE)
            assert not thread.is_alive(), "a client got no answer"
        if self._failures:
            raise self._failures[0]

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def _go_on(self, work: Callable[[int], None], number: int, pause: float) -> None:
        try:
            while not self._stopping.is_set():
                work(number)
                self._stopping.wait(pause)
        except BaseException as failure:
            self._failures.append(failure)


class Site:
    """HTTP to one address, a kept connection for each thread. Statuses are counted."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.statuses: Counter[int] = Counter()
        self.seconds: list[float] = []
        self._token = token
        self._local = threading.local()

    def ask(
        self, path: str, body: object = None, **headers: str
    ) -> tuple[int, dict[str, object] | str]:
        """Status and answer; 0 where the connection failed."""
        method = "GET" if body is None else "POST"
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        if self._token:
            names["Authorization"] = f"Bearer {self._token}"
        if body is not None:
            names["Content-Type"] = "application/json"
        begun = time.monotonic()
        connection = self._connection()
        try:
            connection.request(method, path, body and json.dumps(body), names)
            answer = connection.getresponse()
            text = answer.read().decode()
            status = answer.status
        except (OSError, HTTPException):
            connection.close()
            status, text = 0, ""
        self.seconds.append(time.monotonic() - begun)
        self.statuses[status] += 1
        is_json = status and "json" in (answer.getheader("Content-Type") or "")
        return status, json.loads(text) if is_json else text

    def _connection(self) -> HTTPConnection:
        if not hasattr(self._local, "connection"):
            place = urlsplit(self.url).netloc
            self._local.connection = HTTPConnection(place, timeout=PATIENCE)
        return self._local.connection


class Writer:
    """Sends transactions, each with a key and until it is acknowledged."""

    def __init__(self, site: Site, clients: Clients) -> None:
        self.acknowledged: dict[str, str] = {}
        """By what they are called on the chain, the id."""
        self.retried = 0
        self._site = site
        self._clients = clients

    def send(self, number: int) -> None:
        name = uuid.uuid4().hex
        value = {"sender": f"writer {number}", "recipient": name, "amount": 1}
        deadline = time.monotonic() + PATIENCE
        while True:
            status, answer = self._site.ask("/transactions/new", value, Idempotency_Key=name)
            if status == 201:
                assert isinstance(answer, dict)
                self.acknowledged[name] = str(answer["id"])
                return
            assert status in (0, 502, 503, 504), (status, answer)
            assert time.monotonic() < deadline, "it is refused again and again"
            self.retried += 1
            time.sleep(0.05)


class Miner:
    """Asks for blocks, once for each."""

    def __init__(self, site: Site) -> None:
        self.mined: list[dict[str, object]] = []
        """What was answered, of those that were."""
        self.unanswered: Counter[int] = Counter()
        self._site = site

    def mine(self, _number: int = 0, site: Site | None = None) -> bool:
        """Whether a block was the answer."""
        status, answer = (site or self._site).ask("/mine")
        if status == 200:
            assert isinstance(answer, dict)
            self.mined.append(answer)
            return True
        assert status in (0, 429, 502, 503, 504), (status, answer)
        self.unanswered[status] += 1
        return False


class Listener:
    """A WebSocket's client, which comes back with its number as a page does."""

    def __init__(self, url: str) -> None:
        self.seen: list[int] = []
        self.at: dict[int, float] = {}
        self.blocks: dict[str, float] = {}
        self.mining: list[dict[str, object]] = []
        self.joined = 0
        self._url = url
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def last(self) -> int:
        return self.seen[-1] if self.seen else 0

    def wait_for(self, seq: int, seconds: float) -> float:
        """Seconds until that event was told. Raises `AssertionError` if it is not in time."""
        begun = time.monotonic()
        while self.last < seq:
            assert time.monotonic() - begun < seconds, f"told up to {self.last}, and not {seq}"
            time.sleep(0.01)
        return time.monotonic() - begun

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(PATIENCE)

    def _listen(self) -> None:
        address = self._url.replace("http", "ws") + "/ws/"
        while not self._stopping.is_set():
            query = f"?after={self.last}" if self.seen else ""
            with (
                suppress(OSError, WebSocketException, TimeoutError),
                connect(address + query, origin=self._url, open_timeout=PATIENCE) as socket,
            ):
                self.joined += 1
                self._hear(socket)
            time.sleep(0.05)

    def _hear(self, socket: object) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError):
                frame = json.loads(socket.recv(0.25))
                kind = frame["kind"]
                if kind == "mining":
                    self.mining.append(frame["data"])
                elif kind in ("snapshot", "resumed"):
                    if kind == "snapshot" or not self.seen:
                        self.seen.append(frame["seq"])
                elif "seq" in frame and kind != "beat":
                    self.seen.append(frame["seq"])
                    self.at[frame["seq"]] = time.monotonic()
                    if kind == "block":
                        self.blocks[frame["data"]["hash"]] = time.monotonic()
