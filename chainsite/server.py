"""Daphne, with limits.

Daphne as it comes reads a body of any size before the application sees it, and buffers without end
for a client that does not read. Small subclasses of its classes and Twisted's (both pinned) put
that right:

* a body over the cap is refused by its Content-Length before it is read, and a chunked one as soon
  as it passes the cap;
* `await send(…)` waits while the client's socket is full, for answers and WebSockets alike; a
  client that takes nothing for `write_deadline` seconds is cut off.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.server import Server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

logger = logging.getLogger(__name__)

BODY_BYTES: Final = 64 * 1024
WRITE_DEADLINE: Final = 20.0  # seconds without a byte taken
WEBSOCKET_MESSAGE_BYTES: Final = 4096


@implementer(IPushProducer)
class _Flow:
    """Whether a transport has room: Twisted's push producer, which it pauses and resumes."""

    def __init__(self) -> None:
        self._room = asyncio.Event()
        self._room.set()
        self.lost = False

    def pauseProducing(self) -> None:
        self._room.clear()

    def resumeProducing(self) -> None:
        self._room.set()

    def stopProducing(self) -> None:
        self.lost = True
        self._room.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for room; False when there was none for so long."""
        if self._room.is_set():
            return True
        try:
            async with asyncio.timeout(seconds):  # `wait_for` may swallow being cancelled
                await self._room.wait()
        except TimeoutError:
            return False
        return True


class GuardedRequest(WebRequest):
    """An HTTP request whose body is capped before it is read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.flow: _Flow | None = None
        self._taken = 0
        self._refused = False

    def gotLength(self, length: int | None) -> None:
        if length is not None and length > BODY_BYTES:
            self._refuse()
            self.requestHeaders.removeHeader(b"expect")  # or Twisted would say 100 Continue
        super().gotLength(0 if self._refused else length)

    def handleContentChunk(self, data: bytes) -> None:
        self._taken += len(data)
        if self._taken > BODY_BYTES:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)

    def process(self) -> Any:
        # Daphne would take the root path of all URLs from it. It is a proxy's header, and there
        # is no proxy: whoever sends it is a client.
        self.requestHeaders.removeHeader(b"daphne-root-path")
        return None if self._refused else super().process()

    def handle_reply(self, message: dict[str, Any]) -> None:
        if self.flow is None and message["type"] == "http.response.start" and self.channel:
            self.flow = _Flow()
            self.registerProducer(self.flow, True)
        super().handle_reply(message)

    def finish(self) -> None:
        if self.flow is not None:
            self.unregisterProducer()
            self.flow.stopProducing()
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        if self.flow is not None:
            self.flow.stopProducing()
        super().connectionLost(reason)

    def cut_off(self) -> None:
        if self.channel is not None:
            self.channel.forceAbortClient()

    def _refuse(self) -> None:
        """Answer 413 and hang up; what still comes is not read."""
        if self._refused or self.channel is None:
            return
        self._refused = True
        text = b"the body is too large\n"
        transport = self.channel.transport
        transport.write(
            b"HTTP/1.1 413 Content Too Large\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(text), text)
        )
        self.channel.loseConnection()


class GuardedHTTPFactory(HTTPFactory):
    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = GuardedRequest
        return protocol


class GuardedWebSocket(WebSocketProtocol):
    """A WebSocket that knows when its client has stopped reading."""

    flow: _Flow | None = None
    maxMessagePayloadSize: int

    def onConnect(self, request: Any) -> Any:
        self.flow = _Flow()
        # The transport still reports to the HTTP channel it came from.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.flow, True)
        return super().onConnect(request)

    def sendMessage(self, *args: Any, **kwargs: Any) -> None:
        if self.state != self.STATE_OPEN:
            return  # they are hanging up
        # Autobahn would hold what we send to the limit for what we receive.
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().sendMessage(*args, **kwargs)
        finally:
            self.maxMessagePayloadSize = limit

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        if self.flow is not None:
            self.flow.stopProducing()
        super().onClose(wasClean, code, reason)

    def cut_off(self) -> None:
        self.dropConnection(abort=True)


class GuardedWebSocketFactory(WebSocketFactory):
    protocol = GuardedWebSocket


class GuardedServer(Server):
    """Daphne's server with our protocols in it."""

    def __init__(self, *args: Any, write_deadline: float = WRITE_DEADLINE, **kwargs: Any) -> None:
        kwargs.setdefault("websocket_max_message_size", WEBSOCKET_MESSAGE_BYTES)
        kwargs.setdefault("websocket_max_frame_size", WEBSOCKET_MESSAGE_BYTES)
        kwargs["server_name"] = ""  # whose version this is is nobody's business
        super().__init__(*args, **kwargs)
        self._write_deadline = write_deadline

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        flow = getattr(protocol, "flow", None)
        if flow is not None and not await flow.wait(self._write_deadline):
            logger.info("a client took nothing for %g s and is cut off", self._write_deadline)
            flow.stopProducing()
            protocol.cut_off()


def install() -> None:
    """Let Daphne's `Server.run` build our protocols; it looks the factories up by these names."""
    from daphne import server

    server.HTTPFactory = GuardedHTTPFactory
    server.WebSocketFactory = GuardedWebSocketFactory


install()
