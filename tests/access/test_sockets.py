"""WebSockets are for reading: open to everybody, as often as pages are."""

from __future__ import annotations

from channels.testing import WebsocketCommunicator
from django.test import override_settings

from chainsite.access import CountedSockets
from chainsite.origin import SameOriginOnly
from chainsite.proxies import BehindProxies
from ledger.access.policy import Policy

from .conftest import NEIGHBOUR, STRANGER


async def greet(scope: object, receive: object, send: object) -> None:
    await send({"type": "websocket.accept"})


async def test_beyond_the_limit_a_socket_is_refused_and_on_this_machine_it_never_is() -> None:
    with override_settings(NODE_READ_RATE=8):
        counted = CountedSockets(greet, Policy.from_settings())

    async def let_in(address: str, **headers: str) -> bool:
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        socket = WebsocketCommunicator(counted, "/ws/", headers=named)
        socket.scope["client"] = (address, 5)
        accepted, _ = await socket.connect()
        return accepted

    assert [await let_in(STRANGER) for _ in range(3)] == [True, True, False]
    assert await let_in(NEIGHBOUR)
    assert all([await let_in("127.0.0.1") for _ in range(9)])
    assert [await let_in("127.0.0.1", via="x") for _ in range(3)] == [True, True, False]


async def test_behind_a_proxy_with_tls_our_pages_are_https() -> None:
    with override_settings(NODE_TRUSTED_PROXIES=["127.0.0.1"]):
        behind = BehindProxies(SameOriginOnly(greet), Policy.from_settings())

    async def let_in(origin: str, proxy: str = "127.0.0.1") -> bool:
        headers = {"host": "localhost", "origin": origin, "x-forwarded-proto": "https"}
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        socket = WebsocketCommunicator(behind, "/ws/", headers=named)
        socket.scope |= {"client": (proxy, 5), "scheme": "ws"}
        accepted, _ = await socket.connect()
        return accepted

    assert await let_in("https://localhost")
    assert not await let_in("http://localhost")
    assert not await let_in("https://localhost", proxy=STRANGER)
    assert await let_in("http://localhost", proxy=STRANGER)
