"""Sockets on the application in this process, and a node process for what only a wire shows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from chainsite.origin import SameOriginOnly
from ledger.live.routing import websocket_urlpatterns
from ledger.node import events, lifecycle
from tests.processes import NodeProcess

application = SameOriginOnly(URLRouter(websocket_urlpatterns))
HEADERS = [(b"host", b"localhost:8000"), (b"origin", b"http://localhost:8000")]
PATIENCE = 10.0


class Client:
    """A WebSocket client that reads frames as they come."""

    def __init__(self, query: str = "") -> None:
        self._socket = WebsocketCommunicator(application, f"/ws/{query}", headers=HEADERS)

    async def open(self) -> None:
        accepted, _ = await self._socket.connect(PATIENCE)
        assert accepted

    async def frame(self) -> dict[str, Any]:
        text = await self._socket.receive_from(PATIENCE)
        return dict(json.loads(text))

    async def first(self, *kinds: str) -> dict[str, Any]:
        """The next frame of one of these kinds; others are passed over."""
        while True:
            frame = await self.frame()
            if frame["kind"] in kinds:
                return frame

    async def until(self, seq: int) -> list[dict[str, Any]]:
        """The events up to that number."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["seq"] < seq:
            frame = await self.frame()
            if "at" in frame:
                found.append(frame)
        return found

    async def is_quiet(self) -> bool:
        return bool(await self._socket.receive_nothing(0.3))

    async def say(self, text: str) -> None:
        await self._socket.send_to(text_data=text)

    async def closed_with(self) -> int:
        """Pass frames over until the server closes; answer with the code."""
        while True:
            message = await self._socket.receive_output(PATIENCE)
            if message["type"] == "websocket.close":
                return int(message["code"])

    async def close(self) -> None:
        if not self._socket.future.done():
            await self._socket.disconnect()


@pytest.fixture
async def client(node: lifecycle.Node) -> AsyncIterator[Callable[..., Any]]:
    """Open sockets to the node in this process."""
    clients: list[Client] = []

    async def connect(query: str = "") -> Client:
        client = Client(query)
        clients.append(client)
        await client.open()
        return client

    yield connect
    for client in clients:
        await client.close()


@pytest.fixture
def happen(node: lifecycle.Node) -> Callable[..., Any]:
    """Let events happen, and answer when they are committed."""

    async def record(count: int = 1, reason: str = "no") -> None:
        payloads = [{"peer": "p:1", "reason": reason}] * count
        future = node.writer.submit(lambda: events.record_all(events.REFUSAL, payloads))
        await asyncio.wrap_future(future)

    return record


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node process for what only a wire shows."""
    process = NodeProcess(Path(tmp_path_factory.mktemp("served")), difficulty=2)
    yield process
    process.kill()
