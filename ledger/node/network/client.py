"""Asking a peer, under guard: every request this node makes of another goes through here.

The peer may be old, slow, broken or hostile. One request, to a checked address; no redirects,
proxies, cookies or credentials; one deadline for everything, kept by shutting the socket down
(the `timeout` of requests starts anew with every read); bytes as they come, never decompressed.
"""

from __future__ import annotations

import http.client
import queue
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from . import addresses, pacing
from .addresses import Place
from .answers import Answer, PeerFailed, lines, read_json, read_object
from .pacing import PlaceTaken

__all__ = ["Answer", "PeerFailed", "ask", "lines", "read_json", "read_object"]

_CONNECT: Final = 3.0  # seconds to connect
_PIECE: Final = 16 * 1024
_PLACES: Final = 8  # tried for one name: it may lead to a thousand
_NO_HEADERS: Final[Mapping[str, str]] = {}


@dataclass(frozen=True, slots=True)
class _Request:
    address: str
    path: str
    headers: Mapping[str, str]
    json: Any

    @property
    def method(self) -> str:
        return "GET" if self.json is None else "POST"

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # Even with allow_redirects=False, requests would read a redirect's whole body.
        return None


class _Adapter(HTTPAdapter):
    """Connects to the very address it is given, and remembers the sockets in use, so that the
    deadline can shut them down. `peer` is who is asked, for words."""

    def __init__(self, peer: str) -> None:
        self.expired = False
        self.own_host = ""
        self._peer = peer
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        connect = self._connect

        class Connection(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                # Its own would ask the resolver again, and be sent elsewhere by another answer.
                try:
                    return connect(ip_address(self.host), self.port, self.timeout)
                except TimeoutError as error:
                    raise urllib3.exceptions.ConnectTimeoutError(self, "") from error
                except OSError as error:
                    raise urllib3.exceptions.NewConnectionError(self, "") from error

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        self.poolmanager.pool_classes_by_scheme = {"http": Pool}

    def expire(self) -> None:
        """Shut down what is connected, and what still will be."""
        with self._lock:
            self.expired = True
            for sock in self._sockets:
                _shut_down(sock)

    def _connect(self, ip: addresses.IPAddress, port: int, timeout: Any) -> socket.socket:
        sock = socket.socket(socket.AF_INET6 if ip.version == 6 else socket.AF_INET)
        try:
            sock.settimeout(timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect((str(ip), port))
            if ip_address(sock.getpeername()[0]) != ip:
                raise addresses.leads_elsewhere(self._peer)
            self._remember(sock)
        except BaseException:
            sock.close()
            raise
        return sock

    def _remember(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.append(sock)
            self.own_host = sock.getsockname()[0]
            if self.expired:  # it connected at the very last moment
                _shut_down(sock)


def _shut_down(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def ask(
    address: str,
    path: str = "/chain",
    *,
    policy: str,
    deadline: float,
    headers: Mapping[str, str] = _NO_HEADERS,
    accept: Collection[int] = (200,),
    json: Any = None,
) -> Iterator[Answer]:
    """What `address` answers to `GET path`, or to a POST of `json`, within `deadline` seconds for
    all of it. Statuses that are not in `accept` are failures.

    Raises `PeerFailed` with the reason, inside the block too, while the pieces are read;
    `PlaceTaken` as `pacing` has it, and `AddressRefused` where this node does not connect.
    """
    started = time.monotonic()
    adapter = _Adapter(address)
    timer = threading.Timer(deadline, adapter.expire)
    timer.daemon = True
    timer.start()
    try:
        with closing(_Session()) as session:
            session.trust_env = False
            session.mount("http://", adapter)
            request = _Request(address, path, headers, json)
            with _in_words(adapter, deadline, started + deadline):
                response = _send(session, request, policy, started + deadline)
            with closing(response):
                _check(response, request, accept)
                yield Answer(
                    response.status_code,
                    response.headers,
                    _pieces(response, adapter, deadline, started + deadline),
                    time.monotonic() - started,
                    adapter.own_host,
                    deadline,
                    started + deadline,
                )
    finally:
        timer.cancel()


@contextmanager
def _in_words(adapter: _Adapter, deadline: float, end: float) -> Iterator[None]:
    """Make a `PeerFailed` of what goes wrong with the connection, and of nothing else."""
    try:
        yield
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
        # On a busy machine the timer itself may be late.
        if adapter.expired or time.monotonic() >= end:
            raise PeerFailed(f"no whole answer within {deadline:g} s") from None
        raise PeerFailed(_words(error)) from None


def _send(
    session: requests.Session, request: _Request, policy: str, end: float
) -> requests.Response:
    """The response's head, from the first of the peer's places that takes the request."""
    failure: Exception | None = None
    for ip, port in _resolve(request.address, policy, end)[:_PLACES]:
        left = end - time.monotonic()
        if left <= 0:
            raise failure or TimeoutError
        try:
            pacing.admit((ip, port))
            return session.request(
                request.method,
                f"http://{f'[{ip}]' if ip.version == 6 else ip}:{port}{request.path}",
                headers={
                    "Host": request.address,
                    "Accept-Encoding": "identity",
                    "Accept": "*/*",
                    **request.headers,
                },
                json=request.json,
                stream=True,
                allow_redirects=False,
                timeout=(min(_CONNECT, left), left + 1),  # to read, the timer is first
            )
        except (requests.ConnectionError, PlaceTaken) as error:
            failure = error
    raise failure or PeerFailed(f"{request.address} does not resolve")


def _check(response: requests.Response, request: _Request, accept: Collection[int]) -> None:
    if response.status_code not in accept:
        raise PeerFailed(f"it answered {response.status_code} to {request}")
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise PeerFailed("it compresses its answer, unasked")


def _resolve(address: str, policy: str, end: float) -> list[Place]:
    """Where the address leads. The system's resolver knows no deadline: it is left behind, if
    need be, in a thread of its own."""
    if addresses.named_place(address):
        return addresses.resolve(address, policy)
    answers = queue.SimpleQueue[list[Place] | addresses.AddressRefused]()

    def ask() -> None:
        try:
            answers.put(addresses.resolve(address, policy))
        except addresses.AddressRefused as refused:
            answers.put(refused)

    threading.Thread(target=ask, name="ledger-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(0.0, end - time.monotonic()))
    except queue.Empty:
        raise PeerFailed(f"{address} does not resolve in time") from None
    if isinstance(answer, addresses.AddressRefused):
        raise answer
    return answer


def _pieces(
    response: requests.Response, adapter: _Adapter, deadline: float, end: float
) -> Iterator[bytes]:
    with _in_words(adapter, deadline, end):
        while piece := response.raw.read1(_PIECE, decode_content=False):
            yield piece
        if adapter.expired:  # where no length was given, our own hanging up looks like the end
            raise TimeoutError


def _words(error: Exception) -> str:
    """A failure in a few words; never text of the peer's own."""
    if isinstance(error, requests.ConnectTimeout):
        return "it does not answer"
    cause = _cause(error)
    for kinds, words in _WORDS:
        if isinstance(cause, kinds):
            return words
    return f"the connection failed ({type(cause).__name__})"


def _cause(error: BaseException) -> BaseException:
    """What requests and urllib3 have wrapped, one in another."""
    for inner in (*error.args, getattr(error, "reason", None), error.__cause__):
        if isinstance(inner, BaseException):
            return _cause(inner)
    return error


_WORDS: Final = (
    (ConnectionRefusedError, "nothing listens there"),
    (http.client.RemoteDisconnected, "it hung up without an answer"),
    (ConnectionError, "it broke the connection off"),
    ((TimeoutError, urllib3.exceptions.TimeoutError), "it stopped answering"),
    (
        (http.client.IncompleteRead, urllib3.exceptions.IncompleteRead),
        "its answer ends in the middle",
    ),
    (
        (http.client.HTTPException, urllib3.exceptions.HTTPError, ValueError),
        "it does not speak HTTP",
    ),
)
