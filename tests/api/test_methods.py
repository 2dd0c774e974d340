"""What holds for all five endpoints: paths, methods, names of hosts, headers."""

from __future__ import annotations

import http.client
import socket
from typing import Any

import pytest

from ledger.node import lifecycle
from tests.processes import NodeProcess

from .conftest import Caller, Unchanged

READ = ("/mine", "/chain", "/nodes/resolve")
WRITTEN = ("/transactions/new", "/nodes/register")
ALL = READ + WRITTEN
ALLOWED = dict.fromkeys(READ, "GET, HEAD, OPTIONS") | dict.fromkeys(WRITTEN, "POST, OPTIONS")
OTHERS = ("PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "BREW")
REFUSED = [(method, path) for method in OTHERS for path in ALL]
REFUSED += [("POST", path) for path in READ]
REFUSED += [(method, path) for path in WRITTEN for method in ("GET", "HEAD")]

BODIES: dict[str, Any] = {
    "/transactions/new": {"sender": "a", "recipient": "b", "amount": 1},
    "/nodes/register": {"nodes": ["10.0.0.1:5000"]},
}


@pytest.fixture(autouse=True)
def node(lasting_node: lifecycle.Node) -> lifecycle.Node:
    return lasting_node


@pytest.mark.parametrize("path", ALL)
async def test_another_method_is_405_and_says_which_are_allowed(
    caller: Caller, unchanged: Unchanged, path: str
) -> None:
    async with unchanged():
        for method in (method for method, refusing in REFUSED if refusing == path):
            for form in (path, path + "/"):
                answer = await caller.ask(method, form)
                assert answer.status == 405
                assert answer.headers["Allow"] == ALLOWED[path]


@pytest.mark.parametrize("path", ALL)
async def test_options_says_which_methods_are_allowed_and_does_nothing(
    caller: Caller, unchanged: Unchanged, path: str
) -> None:
    async with unchanged():
        for form in (path, path + "/"):
            answer = await caller.ask("OPTIONS", form)
            assert answer.status in (200, 204)
            assert (answer.headers["Allow"], answer.body) == (ALLOWED[path], b"")


@pytest.mark.parametrize("path", READ)
async def test_head_is_get_without_a_body_and_without_an_effect(
    caller: Caller, unchanged: Unchanged, path: str
) -> None:
    async with unchanged():
        for form in (path, path + "/"):
            answer = await caller.ask("HEAD", form)
            assert (answer.status, answer.body) == (200, b"")
            assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("path", WRITTEN)
async def test_a_slash_at_the_end_is_no_redirect(caller: Caller, path: str) -> None:
    """A redirected POST arrives as a GET, with most clients."""
    for form in (path, path + "/"):
        assert (await caller.post(form, BODIES[path])).status == 201


@pytest.mark.parametrize("form", ["{}//", "/{}", "{}/x", "{}%20", "{};x", "{}.json"])
async def test_other_paths_are_404(caller: Caller, unchanged: Unchanged, form: str) -> None:
    async with unchanged():
        for path in ALL:
            for method in ("GET", "POST"):
                assert (await caller.ask(method, form.format(path))).status == 404


@pytest.mark.parametrize("path", ALL)
async def test_no_page_of_another_site_may_read_the_answer_but_the_chain(
    caller: Caller, path: str
) -> None:
    for method in ("GET", "OPTIONS", "POST"):
        answer = await caller.ask(
            method, path, Origin="http://evil.example", Access_Control_Request_Method="POST"
        )
        shared = [name for name in answer.headers if name.lower().startswith("access-control")]
        assert bool(shared) == (path == "/chain" and method != "POST")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def raw(wire: NodeProcess, request: bytes) -> bytes:
    """All that comes back for these bytes, until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as client:
        client.sendall(request)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    return answer


class TestOnTheWire:
    def ask(self, wire: NodeProcess, method: str, path: str, **headers: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", wire.port, timeout=5)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    def test_every_other_method_is_405(self, wire: NodeProcess) -> None:
        before = wire.get("/chain").content
        for method, path in REFUSED:
            answer = self.ask(wire, method, path)
            assert (answer.status, answer.headers["Allow"]) == (405, ALLOWED[path]), method
        assert wire.get("/chain").content == before

    def test_head_and_options_have_no_body(self, wire: NodeProcess) -> None:
        for path in ALL:
            answer = raw(wire, b"OPTIONS %s HTTP/1.0\r\n\r\n" % path.encode())
            assert answer.partition(b"\r\n\r\n")[2] == b""
        for path in READ:
            answer = raw(wire, b"HEAD %s HTTP/1.0\r\n\r\n" % path.encode())
            head, _, body = answer.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.0 200 OK\r\n")
            assert body == b""

    def test_an_old_client_without_a_host_header_is_served(self, wire: NodeProcess) -> None:
        answer = raw(wire, b"GET /chain HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
        assert answer.endswith(b'"length": %d}' % wire.get("/chain").json()["length"])

    def test_nobody_learns_what_serves(self, wire: NodeProcess) -> None:
        for path in (*ALL, "/nowhere", "/%ff"):
            answer = self.ask(wire, "GET", path)
            assert "Server" not in answer.headers
            assert "X-Powered-By" not in answer.headers

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:8000",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "evil@localhost",
            "a b",
            "%",
            "localhost, evil.example",
            "",
            "10.99.99.99",
        ],
    )
    def test_a_name_that_is_not_ours_is_400(self, wire: NodeProcess, host: str) -> None:
        before = wire.get("/chain").content
        for path in ALL:
            assert self.ask(wire, "GET", path, Host=host).status == 400
            answer = wire.post(path, BODIES.get(path), headers={"Host": host})
            assert answer.status_code == 400
            assert answer.text.startswith("This node is not called that.")
        assert wire.get("/chain").content == before

    @pytest.mark.parametrize(
        "host", ["localhost", "LOCALHOST:5000", "127.0.0.1:5000", "[::1]:5000", "localhost."]
    )
    def test_names_of_this_machine_are_ours(self, wire: NodeProcess, host: str) -> None:
        assert self.ask(wire, "GET", "/chain", Host=host).status == 200

    @pytest.mark.parametrize(
        "request_bytes",
        [
            b"GARBAGE\r\n\r\n",
            b"GET\r\n\r\n",
            b"\xff\xfe GET / HTTP/1.1\r\n\r\n",
            b"GET /chain HTTP/9.9\r\nHost: localhost\r\n\r\n",
            b"\xe9 /chain HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /chain\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /chain?\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"GET /chain HTTP/1.1\r\nHost: \xff\r\nConnection: close\r\n\r\n",
            b"GET /chain HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n",
            b"GET /chain HTTP/1.1\r\nHost: localhost\r\nX Y: z\r\n\r\n",
            b"GET /chain HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
            b"GET /chain HTTP/1.0\r\nHost: evil.example\r\nDaphne-Root-Path: \xff\r\n\r\n",
            b"POST /chain HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            b"POST /chain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1x\r\n\r\n",
            b"POST /chain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
            b"Content-Length: 2\r\n\r\nxx",
            b"POST /chain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"POST /chain HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
            b"POST /chain HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"GET /chain HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
            b"GET /chain HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
            b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ],
        ids=lambda value: ascii(value)[2:60],
    )
    def test_a_broken_request_is_the_clients_fault(
        self, wire: NodeProcess, request_bytes: bytes
    ) -> None:
        try:
            answer = raw(wire, request_bytes)
        except ConnectionResetError:
            answer = b""
        assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))
        assert wire.get("/chain").status_code == 200
        assert "Traceback" not in wire.text

    def test_no_client_moves_the_root_of_our_paths(self, wire: NodeProcess) -> None:
        """Daphne takes the root path from a header that is meant for the proxy before it."""
        for value in ("/elsewhere", "%2e%2e", "/mine"):
            answer = self.ask(wire, "GET", "/chain", **{"Daphne-Root-Path": value})
            assert answer.status == 200
