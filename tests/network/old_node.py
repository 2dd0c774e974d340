"""An old node: the article's own, in memory, with its flaws, on nothing but the standard library.

For tests and rehearsals that need a peer which knows nothing of us. It answers as the article's
Flask script does (protocol, section 3) and judges chains as that script does; `valid_chain` is a
plain function, so that a test can let it judge ours. What the article gets wrong stays wrong here:
no locks, no durability, and one dead peer makes `/nodes/resolve` a 500.

As a process: `python tests/network/old_node.py --dialect seed --port 0` prints its address.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import sys
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit
from uuid import uuid4

import requests

Answer = tuple[int, str, bytes]
"""Status, content type, body."""

DIALECTS = ("seed", "dvf")


def hash_block(block: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(block, sort_keys=True).encode()).hexdigest()


def valid_proof(
    last_proof: int, proof: int, last_hash: str, *, dialect: str = "seed", difficulty: int = 4
) -> bool:
    tail = last_hash if dialect == "dvf" else ""
    guess = f"{last_proof}{proof}{tail}".encode()
    return hashlib.sha256(guess).hexdigest()[:difficulty] == "0" * difficulty


def valid_chain(chain: list[dict[str, Any]], *, dialect: str = "seed", difficulty: int = 4) -> bool:
    """The article's `valid_chain`: links and proofs, and never a look at the first block."""
    last_block = chain[0]
    current_index = 1
    while current_index < len(chain):
        block = chain[current_index]
        last_hash = hash_block(last_block)
        if block["previous_hash"] != last_hash:
            return False
        if not valid_proof(
            last_block["proof"], block["proof"], last_hash, dialect=dialect, difficulty=difficulty
        ):
            return False
        last_block = block
        current_index += 1
    return True


class Blockchain:
    """The article's class of this name."""

    def __init__(self, dialect: str, difficulty: int) -> None:
        self.dialect = dialect
        self.difficulty = difficulty
        self.current_transactions: list[dict[str, Any]] = []
        self.chain: list[dict[str, Any]] = []
        self.nodes: set[str] = set()
        self.new_block(proof=100, previous_hash=1 if dialect == "seed" else "1")

    def register_node(self, address: str) -> None:
        self.nodes.add(urlsplit(address).netloc)

    def resolve_conflicts(self) -> bool:
        new_chain = None
        max_length = len(self.chain)
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the machine's has no part in this
            for node in self.nodes:
                # No timeout and no `except`, as in the article: a dead peer is the caller's 500.
                response = session.get(f"http://{node}/chain")
                if response.status_code == 200:
                    length = response.json()["length"]
                    chain = response.json()["chain"]
                    if length > max_length and self.valid_chain(chain):
                        max_length = length
                        new_chain = chain
        if new_chain:
            self.chain = new_chain
            return True
        return False

    def valid_chain(self, chain: list[dict[str, Any]]) -> bool:
        return valid_chain(chain, dialect=self.dialect, difficulty=self.difficulty)

    def new_block(self, proof: int, previous_hash: str | int | None = None) -> dict[str, Any]:
        block = {
            "index": len(self.chain) + 1,
            "timestamp": time.time(),
            "transactions": self.current_transactions,
            "proof": proof,
            "previous_hash": previous_hash or hash_block(self.chain[-1]),
        }
        self.current_transactions = []
        self.chain.append(block)
        return block

    def new_transaction(self, sender: Any, recipient: Any, amount: Any) -> int:
        self.current_transactions.append(
            {"sender": sender, "recipient": recipient, "amount": amount}
        )
        return int(self.chain[-1]["index"]) + 1

    def proof_of_work(self, last_block: dict[str, Any]) -> int:
        last_hash = hash_block(last_block)
        proof = 0
        while not valid_proof(
            last_block["proof"],
            proof,
            last_hash,
            dialect=self.dialect,
            difficulty=self.difficulty,
        ):
            proof += 1
        return proof


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, answer: Callable[[str, str, bytes, str], Answer]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer = answer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "OldNode"
    server: _Server

    def handle_one(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        content_type = self.headers.get("Content-Type", "")
        path = urlsplit(self.path).path
        status, kind, body = self.server.answer(
            self.command, path, self.rfile.read(length), content_type
        )
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        allowed = OldNode.ROUTES.get(path)
        if allowed and (self.command == "OPTIONS" or status == HTTPStatus.METHOD_NOT_ALLOWED):
            self.send_header("Allow", _allow(allowed))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_OPTIONS = do_PUT = do_DELETE = do_PATCH = handle_one

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the tests read their own output."""


def _allow(method: str) -> str:
    return "HEAD, GET, OPTIONS" if method == "GET" else "OPTIONS, POST"


def _page(status: HTTPStatus) -> Answer:
    """An error page as Werkzeug writes it."""
    page = (
        "<!doctype html>\n<html lang=en>\n"
        f"<title>{status.value} {status.phrase}</title>\n"
        f"<h1>{status.phrase}</h1>\n<p>{status.description or status.phrase}</p>\n"
    )
    return status.value, "text/html; charset=utf-8", page.encode()


class _Served:
    """Something that answers on a port of this machine, in a thread, for the time of a `with`."""

    def __init__(self, port: int) -> None:
        self._server = _Server(port, self.answer)
        self.port: int = self._server.server_address[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"

    def answer(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        raise NotImplementedError

    def serve_forever(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self.serve_forever, name=f"old-{self.port}")
        self._thread.daemon = True
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class OldNode(_Served):
    """A node of the article's (`dialect` seed) or of its repository's later days (dvf).

    `indent` makes it print its answers prettily, as Flask did in the days of the article. Its state
    is in `blockchain`, its `url` and `address` are for asking it.
    """

    ROUTES: ClassVar[dict[str, str]] = {
        "/mine": "GET",
        "/transactions/new": "POST",
        "/chain": "GET",
        "/nodes/register": "POST",
        "/nodes/resolve": "GET",
    }

    def __init__(
        self,
        dialect: str = "seed",
        difficulty: int = 4,
        *,
        port: int = 0,
        indent: int | None = None,
    ) -> None:
        if dialect not in DIALECTS:
            raise ValueError(f"an old node speaks {' or '.join(DIALECTS)}, not {dialect}")
        self.identifier = str(uuid4()).replace("-", "")
        self.blockchain = Blockchain(dialect, difficulty)
        self._indent = indent
        super().__init__(port)

    @property
    def chain(self) -> list[dict[str, Any]]:
        return self.blockchain.chain

    def answer(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        if path not in self.ROUTES:
            return _page(HTTPStatus.NOT_FOUND)
        if method == "OPTIONS":
            return 200, "text/html; charset=utf-8", b""
        if method not in (self.ROUTES[path], "HEAD" if self.ROUTES[path] == "GET" else ""):
            return _page(HTTPStatus.METHOD_NOT_ALLOWED)
        try:
            if self.ROUTES[path] == "GET":
                return {"/mine": self.mine, "/chain": self.full_chain}.get(path, self.consensus)()
            if not content_type.startswith("application/json"):
                return _page(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
            try:
                values = json.loads(body)
            except ValueError:
                return _page(HTTPStatus.BAD_REQUEST)
            return self.register(values) if path == "/nodes/register" else self.submit(values)
        except Exception:  # whatever goes wrong in a Flask view is a 500
            return _page(HTTPStatus.INTERNAL_SERVER_ERROR)

    def mine(self) -> Answer:
        chain = self.blockchain
        last_block = chain.chain[-1]
        proof = chain.proof_of_work(last_block)
        chain.new_transaction(sender="0", recipient=self.identifier, amount=1)
        block = chain.new_block(proof, hash_block(last_block))
        answer = {"message": "New Block Forged"}
        return self._json(
            answer
            | {key: block[key] for key in ("index", "transactions", "proof", "previous_hash")}
        )

    def submit(self, values: Any) -> Answer:
        required = ("sender", "recipient", "amount")
        if not all(key in values for key in required):
            return 400, "text/html; charset=utf-8", b"Missing values"
        index = self.blockchain.new_transaction(*(values[key] for key in required))
        return self._json({"message": f"Transaction will be added to Block {index}"}, 201)

    def full_chain(self) -> Answer:
        chain = self.blockchain.chain
        return self._json({"chain": chain, "length": len(chain)})

    def register(self, values: Any) -> Answer:
        nodes = values.get("nodes")
        if nodes is None:
            words = b"Error: Please supply a valid list of nodes"
            return 400, "text/html; charset=utf-8", words
        for node in nodes:
            self.blockchain.register_node(node)
        total = list(self.blockchain.nodes)
        return self._json({"message": "New nodes have been added", "total_nodes": total}, 201)

    def consensus(self) -> Answer:
        replaced = self.blockchain.resolve_conflicts()
        chain = self.blockchain.chain
        if replaced:
            return self._json({"message": "Our chain was replaced", "new_chain": chain})
        return self._json({"message": "Our chain is authoritative", "chain": chain})

    def _json(self, answer: dict[str, Any], status: int = 200) -> Answer:
        """Flask's `jsonify`: sorted, ASCII, compact or pretty, a line's end."""
        separators = (",", ":") if self._indent is None else (", ", ": ")
        text = json.dumps(answer, sort_keys=True, indent=self._indent, separators=separators)
        return status, "application/json", f"{text}\n".encode()


class RecordedNode(_Served):
    """Answers `GET /chain` with the same bytes each time, whatever they are, and nothing else.

    `body` may be changed while it serves; `asked` counts the requests.
    """

    def __init__(
        self, body: bytes, *, content_type: str = "application/json", port: int = 0
    ) -> None:
        self.body = body
        self.asked = 0
        self._content_type = content_type
        super().__init__(port)

    def answer(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        if path != "/chain":
            return _page(HTTPStatus.NOT_FOUND)
        if method not in ("GET", "HEAD"):
            return _page(HTTPStatus.METHOD_NOT_ALLOWED)
        self.asked += 1
        return 200, self._content_type, self.body


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description="An old node, as in the article.")
    parser.add_argument("--dialect", choices=DIALECTS, default="seed")
    parser.add_argument("--difficulty", type=int, default=4)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--indent", type=int, help="print JSON prettily")
    options = parser.parse_args(arguments)
    node = OldNode(options.dialect, options.difficulty, port=options.port, indent=options.indent)
    print(node.address, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        node.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
