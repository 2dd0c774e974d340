"""A node as a process, and something between it and the client that fails as it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import requests

from ledger.client import Client
from tests.processes import NodeProcess

Fault = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    node = NodeProcess(tmp_path_factory.mktemp("asked"), difficulty=2)
    yield node
    node.kill()


@pytest.fixture
def client(running: NodeProcess) -> Iterator[Client]:
    with Client(running.url) as client:
        yield client


class Between(ThreadingHTTPServer):
    """Passes requests on to a node, and instead of the first answers does what is in `faults`,
    after the node did its part. `seen` is what came: method, path and key."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of it."""

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = target
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Between

    def do_GET(self) -> None:
        key = self.headers.get("Idempotency-Key")
        self.server.seen.append((self.command, self.path, key))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {k: v for k, v in self.headers.items() if k.lower() != "host"}
        answer = requests.request(
            self.command, self.server.target + self.path, data=body, headers=headers, timeout=20
        )
        if self.server.faults:
            self.server.faults.pop(0)(self)
            return
        reply(
            self,
            answer.status_code,
            answer.content,
            **{"Content-Type": answer.headers["Content-Type"]},
        )

    do_POST = do_DELETE = do_GET

    def log_message(self, *message: object) -> None:
        pass


def reply(to: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    to.send_response(status)
    for name, value in headers.items():
        to.send_header(name.replace("_", "-"), value)
    to.send_header("Content-Length", str(len(body)))
    to.end_headers()
    to.wfile.write(body)


def hang_up(on: BaseHTTPRequestHandler) -> None:
    """The node has done it, and nobody hears."""
    on.close_connection = True


@pytest.fixture
def between(running: NodeProcess) -> Iterator[Between]:
    server = Between(running.url)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
