"""A node among peers: registering them, asking them, and what was noted about them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import AsyncClient

from ledger.models import Peer
from ledger.node import lifecycle
from ledger.node.network import peers
from tests.clocks import Stopwatch


class Asking:
    """The running node's side, over its endpoints where there is one."""

    def __init__(self) -> None:
        self._client = AsyncClient()

    async def register(self, *addresses: str) -> None:
        """As if they had been registered: the test's own peers may have any port."""
        node = lifecycle.current()
        await node.writer.perform(lambda: peers.register(addresses, node.conf.peers))

    async def resolve(self) -> Any:
        answer = await self._client.get("/nodes/resolve")
        assert answer.status_code == 200
        return json.loads(await _body(answer))

    async def resolve_while_serving(self, within: float = 1.0) -> tuple[Any, float]:
        """The answer, and how many seconds it took. Others are served all the time, each `within`
        so many seconds. What this machine does besides does not count."""
        whole = Stopwatch()
        task = asyncio.create_task(self.resolve())
        slowest = 0.0
        while not task.done():
            one = Stopwatch()
            assert await self.chain()
            slowest = max(slowest, one.seconds)
            await asyncio.sleep(0.05)
        took = whole.seconds
        assert slowest < within, "others were held up"
        return await task, took

    async def chain(self) -> bytes:
        answer = await self._client.get("/chain")
        assert answer.status_code == 200
        return await _body(answer)

    async def mine(self) -> Any:
        answer = await self._client.get("/mine")
        assert answer.status_code == 200
        return answer.json()

    async def submit(self, **values: Any) -> str:
        """Have a transaction acknowledged; its local id."""
        answer = await self._client.post(
            "/transactions/new", values, content_type="application/json"
        )
        assert answer.status_code == 201
        return str(answer.json()["id"])

    async def peer(self, address: str) -> Peer:
        return await self.read(lambda: Peer.objects.get(address=address))

    async def read(self, function: Callable[[], Any]) -> Any:
        """Read the database from an event loop."""
        return await lifecycle.current().reader.read(function)

    async def is_sound(self) -> bool:
        report = await self.read(lifecycle.verify)
        assert report.faults == []
        return bool(report.sound)


async def _body(answer: Any) -> bytes:
    return b"".join([part async for part in answer.streaming_content])


@pytest.fixture
def asking(node: lifecycle.Node) -> Asking:
    return Asking()
