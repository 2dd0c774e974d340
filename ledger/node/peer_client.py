"""Asking a peer for its chain, under guard.

The peer may be old, slow, broken or hostile. One request, to a checked address; no redirects,
proxies, cookies or credentials; one deadline for everything, kept by shutting the socket down
(the `timeout` of requests starts anew with every read); bytes as they come, never decompressed.
"""

from __future__ import annotations

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
    """Remembers the socket in use, so that the deadline can shut it down."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        sockets = self.sockets

        class Connection(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                if self.sock is not None:
                    sockets.append(self.sock)

        class Pool(HTTPConnectionPool):
            ConnectionCls = Connection

        self.poolmanager.pool_classes_by_scheme = {"http": Pool}

    def shut_down(self) -> None:
        for sock in self.sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def chain_of(address: str, *, policy: str, deadline: float) -> Iterator[Answer]:
    """The body of `GET /chain` at `address`, within `deadline` seconds for all of it.

    Raises `PeerFailed` with the reason, inside the block too, while the pieces are read.
    """
    started = time.monotonic()
    adapter = _Adapter()
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        adapter.shut_down()

    timer = threading.Timer(deadline, expire)
    timer.daemon = True
    timer.start()
    try:
        with closing(_Session()) as session:
            session.trust_env = False
            session.mount("http://", adapter)
            response = _request(session, address, policy, deadline)
            with closing(response):
                yield Answer(_pieces(response), time.monotonic() - started)
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as error:
        if isinstance(error, _refusals()):
            raise
        if expired.is_set():
            raise PeerFailed(f"no whole answer within {deadline:g} s") from None
        raise PeerFailed(_words(error)) from None
    finally:
        timer.cancel()


def _refusals() -> tuple[type[Exception], ...]:
    """What whoever reads the pieces may raise, and must get back as it is."""
    from ledger.consensus import Refused

    return (Refused,)


def _request(
    session: requests.Session, address: str, policy: str, deadline: float
) -> requests.Response:
    _, port = addresses.split(address)
    failure: Exception | None = None
    for literal in addresses.resolve(address, policy):
        host = f"[{literal}]" if literal.version == 6 else str(literal)
        try:
            response = session.get(
                f"http://{host}:{port}/chain",
                headers={"Host": address, "Accept-Encoding": "identity", "Accept": "*/*"},
                stream=True,
                allow_redirects=False,
                timeout=(min(_CONNECT, deadline), deadline),
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


def _pieces(response: requests.Response) -> Iterator[bytes]:
    while piece := response.raw.read1(_PIECE, decode_content=False):
        yield piece


def _words(error: Exception) -> str:
    """A failure in a few words; never text of the peer's own."""
    if isinstance(error, requests.ConnectTimeout):
        return "it does not answer"
    if isinstance(error, requests.ConnectionError) and "refused" in str(error).lower():
        return "nothing listens there"
    if isinstance(error, (requests.ReadTimeout, TimeoutError)):
        return "it stopped answering"
    return f"the connection failed ({type(error).__name__})"
