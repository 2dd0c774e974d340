"""One client's socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer

from . import frames, messages, topics
from .bundle import EXTENSION, Bundle
from .hub import Hub, hub
from .outbox import Outbox, OutboxFailed, OutboxFull

logger = logging.getLogger(__name__)

UNEXPECTED: Final = 4003  # close code: it said too much that was not understood
TOO_SLOW: Final = 4008  # close code: come back with your last number
FAILED: Final = 4011  # close code: our fault; come back later (1011 is not ours to send)
TOO_MANY: Final = 4029  # close code: it said too much too fast


class EventConsumer(AsyncWebsocketConsumer):
    """Sends what happens, from where the client left off (`/ws/?after=SEQ`).

    A client that says of which node it knows (`&node=IDENTIFIER`) is not told the rest of another
    one's history. One that names topics (`&topics=blocks,address:alice`, or by a message) is told
    of those alone.
    """

    _hub: Hub | None = None
    _outbox: Outbox | None = None
    _sender: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._patience = messages.Patience()
        self._topics: set[str] = set()
        try:
            await super().__call__(scope, receive, send)
        finally:  # however it ends: `disconnect` is not called when this task is cancelled
            self._let_go()

    async def connect(self) -> None:
        await self.accept()
        query = _Query.of(self.scope["query_string"])
        self._hub = hub()
        write = self.scope.get("extensions", {}).get(EXTENSION)
        if query.topics is None:
            self._outbox = await self._hub.join(query.after, query.node, write)
        else:
            chosen, faults = self._within_limit(query.topics)
            self._outbox = await self._hub.follow(chosen, query.after, query.node, write)
            self._answer(*query.faults, *faults)
        self._sender = asyncio.create_task(self._send_out(self._hub, self._outbox))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self._outbox is None or self._hub is None:
            return  # it hangs up
        if self._patience.is_over():
            await self._turn_away(TOO_MANY, "too-many-messages", "you say too much too fast")
            return
        try:
            request = messages.parse(text_data)
            self._follow(self._hub, self._outbox, request)
        except messages.NotUnderstood as error:
            if self._patience.is_over_for_faults():
                await self._turn_away(UNEXPECTED, error.code, str(error))
            else:
                self._answer(error.frame)

    def _follow(self, its_hub: Hub, outbox: Outbox, request: messages.Request) -> None:
        self._answer(*request.faults)
        if request.unsubscribe:
            self._topics.difference_update(request.unsubscribe)
            its_hub.unsubscribe(outbox, request.unsubscribe)
            self._answer(frames.unsubscribed(sorted(self._topics)))
        if request.subscribe:
            chosen, faults = self._within_limit(request.subscribe)
            self._answer(*faults)
            its_hub.subscribe(outbox, chosen)

    def _within_limit(self, names: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
        """Those of the topics that it may follow, which are its own from now on, and an error's
        frame if there are others."""
        chosen = [name for name in names if name in self._topics]
        new = [name for name in names if name not in self._topics]
        room = max(0, topics.MOST - len(self._topics))
        faults = []
        if len(new) > room:
            reason = f"a socket follows at most {topics.MOST} topics; {len(new) - room} were left"
            faults.append(frames.error("too-many-topics", reason))
        self._topics.update(new[:room])
        return chosen + new[:room], faults

    def _answer(self, *texts: str) -> None:
        if texts and self._outbox is not None:
            self._outbox.put(Bundle(*texts))

    async def _turn_away(self, close_code: int, code: str, reason: str) -> None:
        self._let_go()
        self._outbox = None
        await self.send(text_data=frames.error(code, reason))
        await self.close(close_code)

    async def _send_out(self, its_hub: Hub, outbox: Outbox) -> None:
        try:
            while True:
                for bundle in await outbox.get():
                    for text in bundle.texts:
                        await self.send(text_data=text)
        except OutboxFull:
            its_hub.leave(outbox)
            await self.close(TOO_SLOW)
        except OutboxFailed:
            its_hub.leave(outbox)
            await self.close(FAILED)
        except Exception:
            logger.exception("a client could not be told")
            its_hub.leave(outbox)
            await self.close(FAILED)

    def _let_go(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
        if self._hub is not None and self._outbox is not None:
            self._hub.leave(self._outbox)


class _Query(NamedTuple):
    """What a client asks for as it comes. `topics` None: everything."""

    after: int | None
    node: str | None
    topics: Sequence[str] | None
    faults: Sequence[str]

    @classmethod
    def of(cls, query: bytes) -> _Query:
        """`after` counts if it is a number that an event can have."""
        values = parse_qs(query.decode("latin-1"), keep_blank_values=True)
        after = values.get("after", [""])[-1]
        is_number = after.isascii() and after.isdigit() and len(after) < 19
        good, bad = topics.parsed_all(
            name for names in values.get("topics", ()) for name in names.split(",") if name
        )
        return cls(
            after=int(after) if is_number else None,
            node=values.get("node", [None])[-1] or None,
            topics=good if "topics" in values else None,
            faults=messages.faults_of(bad),
        )
