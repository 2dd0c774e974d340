"""A node of our kind, played: it serves the chain a test gives it, and can be made to misbehave.

Written from `ledger/node/network/README.md`, not from the code that serves it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from ledger.consensus import Network, hash_of

Lines = Iterable[bytes]


class NewNode:
    """Listens on a free port. `asked` are the requests' paths, in order, `told` the announcements.

    `on_blocks` may change the lines of a stream of blocks; `Break` breaks the connection off.
    """

    def __init__(self, texts: Sequence[str], network: Network, identifier: str = "b" * 32) -> None:
        self.texts = list(texts)
        self.network = network
        self.identifier = identifier
        self.newest = 0
        self.addresses: list[Any] = []
        self.asked: list[str] = []
        self.told: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.changes: dict[str, Any] = {}
        self.on_blocks: Callable[[Iterator[bytes]], Lines] = lambda lines: lines
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def tip(self) -> dict[str, Any]:
        return {"index": len(self.texts), "hash": hash_of(self.texts[-1])}

    def asked_for(self, path: str) -> list[str]:
        return [one for one in self.asked if urlsplit(one).path == path]

    def describe(self) -> dict[str, Any]:
        return {
            "software": "chainsite",
            "version": "9.9",
            "identifier": self.identifier,
            "capabilities": ["blocks", "transactions", "addresses", "announcements", "more"],
            "network": {
                "dialect": self.network.dialect.name,
                "difficulty": self.network.difficulty,
                "genesis": hash_of(self.texts[0]),
            },
            "tip": self.tip,
            "pool": {"newest": self.newest},
            **self.changes,
        }

    def blocks(self, locator: Sequence[str], limit: int) -> Iterator[bytes]:
        hashes = {hash_of(text): index for index, text in enumerate(self.texts, 1)}
        digest = next((one for one in locator if one in hashes), None)
        fork = hashes[digest] if digest else 0
        head = {
            "fork": {"index": fork, "hash": digest},
            "tip": self.tip,
            "network": {
                "dialect": self.network.dialect.name,
                "difficulty": self.network.difficulty,
            },
        }
        yield json.dumps(head).encode()
        yield from (text.encode() for text in self.texts[fork : fork + limit])


class Break(Exception):
    """Break the connection off here."""


def _handler_of(node: NewNode) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            node.asked.append(self.path)
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if parts.path == "/api/v1/node":
                node.tokens.append(query.get("probe", ""))
                self._say(node.describe())
            elif parts.path == "/api/v1/network/probe":
                self._say({"seen": query["token"] in node.tokens})
            elif parts.path == "/api/v1/network/addresses":
                self._say({"addresses": node.addresses})
            elif parts.path == "/api/v1/network/blocks":
                self._stream(node.blocks(query["locator"].split(","), int(query["limit"])))
            elif parts.path == "/api/v1/network/transactions":
                self._say({"tip": node.tip, "newest": node.newest}, b"\n")
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            node.asked.append(self.path)
            node.told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def _say(self, value: Any, end: bytes = b"") -> None:
            body = json.dumps(value).encode() + end
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, lines: Iterator[bytes]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-ndjson")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.close_connection = True
            try:
                for line in node.on_blocks(lines):
                    self.wfile.write(b"%x\r\n%s\n\r\n" % (len(line) + 1, line))
            except Break:
                return
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    return Handler
