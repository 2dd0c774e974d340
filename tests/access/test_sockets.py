"""WebSockets are for reading: open to everybody, as often as pages are."""

from __future__ import annotations

from channels.testing import WebsocketCommunicator
from django.test import override_settings

from chainsite.access import CountedSockets
from ledger.access.policy import Policy

from .conftest import NEIGHBOUR, STRANGER


async def test_beyond_the_limit_a_socket_is_refused_and_on_this_machine_it_never_is() -> None:
    async def greet(scope: object, receive: object, send: object) -> None:
        await send({"type": "websocket.accept"})

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
