"""One browser's socket."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer

from .bundle import EXTENSION
from .hub import Hub, hub
from .outbox import Outbox, OutboxFull

logger = logging.getLogger(__name__)

UNEXPECTED: Final = 4003  # close code: this socket only talks
TOO_SLOW: Final = 4008  # close code: come back with your last number
FAILED: Final = 4011  # close code: our fault; come back later (1011 is not ours to send)


class EventConsumer(AsyncWebsocketConsumer):
    """Sends what happens, from where the client left off (`/ws/?after=SEQ`). Listens to nothing.

    A client that says of which node it knows (`&node=IDENTIFIER`) is not told the rest of another
    one's history.
    """

    _hub: Hub | None = None
    _outbox: Outbox | None = None
    _sender: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:  # however it ends: `disconnect` is not called when this task is cancelled
            self._let_go()

    async def connect(self) -> None:
        await self.accept()
        after, node = _where_it_left_off(self.scope["query_string"])
        self._hub = hub()
        write = self.scope.get("extensions", {}).get(EXTENSION)
        self._outbox = await self._hub.join(after, node, write)
        self._sender = asyncio.create_task(self._send_out(self._hub, self._outbox))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        self._let_go()
        await self.close(UNEXPECTED)

    async def _send_out(self, its_hub: Hub, outbox: Outbox) -> None:
        try:
            while True:
                for bundle in await outbox.get():
                    for text in bundle.texts:
                        await self.send(text_data=text)
        except OutboxFull:
            its_hub.leave(outbox)
            await self.close(TOO_SLOW)
        except Exception:
            logger.exception("a client could not be told")
            its_hub.leave(outbox)
            await self.close(FAILED)

    def _let_go(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        if self._hub is not None and self._outbox is not None:
            self._hub.leave(self._outbox)


def _where_it_left_off(query: bytes) -> tuple[int | None, str | None]:
    """`after`, if it is a number an event can have, and `node`."""
    values = parse_qs(query.decode("latin-1"))
    after = values.get("after", [""])[-1]
    is_number = after.isascii() and after.isdigit() and len(after) < 19
    return int(after) if is_number else None, values.get("node", [None])[-1]
