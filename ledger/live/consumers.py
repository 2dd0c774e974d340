"""One browser's socket."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer

from .hub import Hub, Outbox, OutboxFull, hub

TOO_SLOW: Final = 4008  # close code: come back with your last number
UNEXPECTED: Final = 4003  # close code: this socket only talks


class EventConsumer(AsyncWebsocketConsumer):
    """Sends what happens, from where the client left off (`/ws/?after=SEQ`). Listens to nothing."""

    _hub: Hub | None = None
    _outbox: Outbox | None = None
    _sender: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        after = _number(self.scope["query_string"])
        await self.accept()
        self._hub = hub()
        self._outbox = await self._hub.join(after)
        self._sender = asyncio.create_task(self._send_out(self._outbox))

    async def disconnect(self, code: int) -> None:
        if self._sender is not None:
            self._sender.cancel()
        if self._hub is not None and self._outbox is not None:
            self._hub.leave(self._outbox)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.close(UNEXPECTED)

    async def _send_out(self, outbox: Outbox) -> None:
        try:
            while True:
                await self.send(text_data=await outbox.get())
        except OutboxFull:
            await self.close(TOO_SLOW)


def _number(query: bytes) -> int | None:
    """The `after` of a query string, if it is a number an event can have."""
    values: list[Any] = parse_qs(query.decode("latin-1")).get("after", [])
    text = values[-1] if values else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
