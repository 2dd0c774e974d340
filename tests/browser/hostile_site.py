"""A site that tries to act on a node through its visitors' browsers, and a witness of what came.

The site answers under any name that leads to it. The witness stands before the node and passes
bytes on as they are; what it saw proves that a browser did send what the site made it send.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

_REQUEST = re.compile(rb"([A-Z]+) (/\S*) HTTP/1\.1\r\n((?:[^\r\n]+\r\n)*)\r\n")

ATTACK = """<!doctype html><title>kittens</title><body><script>
const target = new URLSearchParams(location.search).get("target");
const coin = '{"sender": "a", "recipient": "thief", "amount": 1}';
const nodes = '{"nodes": ["203.0.113.9:5000"]}';
const at = (path, name) => `${target}${path}?by=${name}`;
function place(tag, properties, parent = document.body) {
  const element = Object.assign(document.createElement(tag), properties);
  parent.append(element);
  return element;
}
function form(name, path, method, enctype, fields) {
  place("iframe", { name });
  const made = place("form", { action: at(path, name), method, enctype, target: name });
  for (const [field, value] of Object.entries(fields)) {
    place("input", { type: "hidden", name: field, value }, made);
  }
  made.submit();
}
const quietly = (promise) => promise.catch(() => {});

place("img", { src: at("/mine", "image") });
place("img", { referrerPolicy: "no-referrer", src: at("/mine", "silent-image") });
place("iframe", { src: at("/mine", "frame") });
place("script", { src: at("/mine", "script") });
place("link", { rel: "stylesheet", href: at("/nodes/resolve", "sheet") }, document.head);
place("link", { rel: "prefetch", href: at("/mine", "prefetch") }, document.head);
place("object", { data: at("/mine", "object") });
place("video", { src: at("/mine", "video"), preload: "auto" });
new EventSource(at("/mine", "events"));
quietly(fetch(at("/mine", "fetch")));
quietly(fetch(at("/nodes/resolve", "fetch-no-cors"), { mode: "no-cors" }));
quietly(fetch(at("/mine", "fetch-silent"), { mode: "no-cors", referrerPolicy: "no-referrer" }));
quietly(fetch(at("/transactions/new", "post-plain"),
  { method: "POST", mode: "no-cors", body: coin }));
quietly(fetch(at("/nodes/register", "post-silent"),
  { method: "POST", mode: "no-cors", body: nodes, referrerPolicy: "no-referrer" }));
quietly(fetch(at("/transactions/new", "preflight"),
  { method: "POST", headers: { "Content-Type": "application/json" }, body: coin }));
navigator.sendBeacon(at("/transactions/new", "beacon"), coin);
navigator.sendBeacon(at("/nodes/register", "beacon-register"), nodes);
form("form-get", "/mine", "get", "", { by: "form-get" });
form("form", "/mining", "post", "application/x-www-form-urlencoded", { csrfmiddlewaretoken: "x" });
form("form-send", "/transactions", "post", "application/x-www-form-urlencoded",
  { sender: "a", recipient: "thief", amount: "1", csrfmiddlewaretoken: "x" });
form("form-plain", "/transactions/new", "post", "text/plain",
  { '{"sender": "a", "recipient": "thief", "amount": 1, "x": "': '"}' });
form("form-parts", "/nodes/register", "post", "multipart/form-data", { nodes });
window.open(at("/mine", "window"));
place("a", { href: at("/mine", "link"), target: "_blank", rel: "noreferrer" }).click();
</script>"""

VECTORS = frozenset(re.findall(r'at\("[^"]+", "([^"]+)"\)', ATTACK)) | frozenset(
    re.findall(r'\bform\("([^"]+)", "', ATTACK)
)

LISTENING = """<!doctype html><script>
const target = new URLSearchParams(location.search).get("target");
const socket = new WebSocket(target.replace("http", "ws") + "/ws/");
const tell = (outcome) => parent.postMessage(outcome, "*");
socket.onopen = () => tell("open");
socket.onclose = () => tell("closed");
</script>"""

FRAMES = """<!doctype html><title>kittens</title><body><script>
window.outcomes = [];
addEventListener("message", ({ data }) => outcomes.push(data));
</script>"""

_PAGES = {"/attack": ATTACK, "/listening": LISTENING, "/frames": FRAMES}


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        page = _PAGES.get(self.path.partition("?")[0], "").encode()
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *arguments: Any) -> None:
        pass


@dataclass(frozen=True)
class Seen:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]

    @property
    def vector(self) -> str:
        return self.path.partition("?by=")[2]


class Witness(socketserver.ThreadingTCPServer):
    """Passes connections on to the node at `port`, and keeps what clients said."""

    daemon_threads: ClassVar[bool] = True  # type: ignore[misc]
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        self._node = ("127.0.0.1", port)
        self._said: list[bytearray] = []
        super().__init__(("127.0.0.1", 0), socketserver.BaseRequestHandler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:
        said = bytearray()
        self._said.append(said)
        with socket.create_connection(self._node) as node:
            back = threading.Thread(target=_pass_on, args=(node, request), daemon=True)
            back.start()
            _pass_on(request, node, said)
            back.join()

    def seen(self) -> list[Seen]:
        """All requests up to now."""
        found = []
        for said in list(self._said):
            for method, path, lines in _REQUEST.findall(bytes(said)):
                pairs = (line.partition(": ") for line in lines.decode("latin-1").splitlines())
                headers = {name.lower(): value for name, _, value in pairs}
                found.append(Seen(method.decode(), path.decode(), headers))
        return found


def _pass_on(source: socket.socket, target: socket.socket, copy: bytearray | None = None) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            if copy is not None:
                copy += piece
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def running(server: Any) -> Iterator[Any]:
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def hostile_site() -> ThreadingHTTPServer:
    return ThreadingHTTPServer(("127.0.0.1", 0), _Site)
