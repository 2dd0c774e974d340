"""Asking a peer for its chain, under guard.

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
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from . import addresses
from .errors import NodeError

_CONNECT: Final = 3.0  # seconds to connect
_PIECE: Final = 64 * 1024


class PeerFailed(NodeError):
    """The peer could not be asked, or did not answer as a node does."""


@dataclass(slots=True)
class Answer:
    """A body under way. `latency` is the time in seconds until it began."""

    pieces: Iterator[bytes]
    latency: float


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> str | None:
        # Even with allow_redirects=False, requests would read a redirect's whole body.
        return None


class _Adapter(HTTPAdapter):
    """Remembers the sockets in use, so that the deadline can shut them down."""

    def __init__(self) -> None:
        self.expired = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        remember = self._remember

        class Connection(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                if self.sock is not None:
                    remember(self.sock)

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        self.poolmanager.pool_classes_by_scheme = {"http": Pool}

    def expire(self) -> None:
        """Shut down what is connected, and what still will be."""
        with self._lock:
            self.expired = True
            for sock in self._sockets:
                _shut_down(sock)

    def _remember(self, sock: socket.socket) -> None:
        with self._lock:
            self._sockets.append(sock)
            if self.expired:  # it connected at the very last moment
                _shut_down(sock)


def _shut_down(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def chain_of(address: str, *, policy: str, deadline: float) -> Iterator[Answer]:
    """The body of `GET /chain` at `address`, within `deadline` seconds for all of it.

    Raises `PeerFailed` with the reason, inside the block too, while the pieces are read.
    """
    started = time.monotonic()
    adapter = _Adapter()
    timer = threading.Timer(deadline, adapter.expire)
    timer.daemon = True
    timer.start()
    try:
        with closing(_Session()) as session:
            session.trust_env = False
            session.mount("http://", adapter)
            response = _request(session, address, policy, started + deadline)
            with closing(response):
                yield Answer(_pieces(response, adapter), time.monotonic() - started)
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
        if isinstance(error, _refusals()):
            raise
        if adapter.expired:
            raise PeerFailed(f"no whole answer within {deadline:g} s") from None
        raise PeerFailed(_words(error)) from None
    finally:
        timer.cancel()


def _refusals() -> tuple[type[Exception], ...]:
    """What whoever reads the pieces may raise, and must get back as it is."""
    from ledger.consensus import Refused

    return (Refused,)


def _request(session: requests.Session, address: str, policy: str, end: float) -> requests.Response:
    """The response's head, from the first of the peer's addresses that takes the request."""
    _, port = addresses.split(address)
    failure: Exception | None = None
    for literal in _resolve(address, policy, end):
        host = f"[{literal}]" if literal.version == 6 else str(literal)
        left = end - time.monotonic()
        if left <= 0:
            break
        try:
            response = session.get(
                f"http://{host}:{port}/chain",
                headers={"Host": address, "Accept-Encoding": "identity", "Accept": "*/*"},
                stream=True,
                allow_redirects=False,
                timeout=(min(_CONNECT, left), left + 1),  # to read, the timer is first
            )
        except requests.ConnectionError as error:
            failure = error
            continue
        if response.status_code != 200:
            response.close()
            raise PeerFailed(f"it answered {response.status_code} to GET /chain")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            response.close()
            raise PeerFailed("it compresses its answer, unasked")
        return response
    raise failure or PeerFailed(f"{address} does not resolve")


def _resolve(address: str, policy: str, end: float) -> list[addresses.IPAddress]:
    """Where the address leads. The system's resolver knows no deadline: it is left behind, if
    need be, in a thread of its own."""
    answers = queue.SimpleQueue[list[addresses.IPAddress] | addresses.AddressRefused]()

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


def _pieces(response: requests.Response, adapter: _Adapter) -> Iterator[bytes]:
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
