"""WebSockets whose clients can neither flood this node nor leave it waiting for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol
from twisted.internet import reactor
from twisted.internet.tcp import Server as Connection

from .flow import Flow
from .limits import Limit, refusals

MESSAGE_BYTES: Final = 4096
"""The largest message a client may send, and the largest frame."""
FRAMES: Final = 60
"""Frames a client may send in one go, pings and fragments too: each ping is answered."""
FRAMES_PER_SECOND: Final = 2.0
"""What it may send after that."""


class GuardedWebSocket(WebSocketProtocol):
    """A WebSocket that knows when its client has stopped reading, or says too much."""

    flow: Flow | None = None
    maxMessagePayloadSize: int
    _abort: Any = None
    _send: Callable[[bytes], int] | None = None

    def connectionMade(self) -> None:
        self._frames = float(FRAMES)
        self._refilled = time.monotonic()
        super().connectionMade()

    def onConnect(self, request: Any) -> Any:
        self.flow = Flow()
        # The transport still reports to the HTTP channel it came from.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.flow, True)
        self._send = _send_of(self.transport)
        return super().onConnect(request)

    def onFrameBegin(self) -> None:
        now = time.monotonic()
        earned = (now - self._refilled) * FRAMES_PER_SECOND
        self._frames, self._refilled = min(FRAMES, self._frames + earned) - 1, now
        if self._frames < 0:
            refusals.note(Limit.FRAMES)
            self._fail_connection(1008, "too many frames")
        super().onFrameBegin()

    def write_at_once(self, frames: bytes) -> bool:
        """Write whole frames, if the client reads; whether they were written.

        What nothing waits before goes to the socket itself: Twisted would wait for it to be ready,
        which it nearly always is, and with a thousand sockets that is most of the work.
        """
        if self.state != self.STATE_OPEN or self.flow is None or not self.flow.has_room:
            return False
        transport = self.transport
        if self._send is not None and not (transport.dataBuffer or transport._tempDataBuffer):
            try:
                sent = self._send(frames)
            except OSError:  # it is full, or the connection is lost, as the next writing finds
                sent = 0
            if sent == len(frames):
                return True
            frames = frames[sent:]
        transport.write(frames)
        return True

    def sendMessage(self, *args: Any, **kwargs: Any) -> None:
        if self.state != self.STATE_OPEN:
            return  # they are hanging up
        # Autobahn would hold what we send to the limit for what we receive.
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().sendMessage(*args, **kwargs)
        finally:
            self.maxMessagePayloadSize = limit

    def dropConnection(self, abort: bool = False) -> None:
        super().dropConnection(abort)
        if not abort and self._abort is None:
            # What waits to be sent goes first, and a client may never take it.
            seconds = self.factory.server_class.limits.write_deadline
            self._abort = reactor.callLater(seconds, self.transport.abortConnection)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        if self.flow is not None:  # else the handshake failed, and Daphne knows nothing of it
            self.flow.stopProducing()
            super().onClose(wasClean, code, reason)

    def connectionLost(self, reason: Any) -> None:
        self._send = None
        self.factory.server_class.left(self.transport)
        if self._abort is not None and self._abort.active():
            self._abort.cancel()
        super().connectionLost(reason)

    def cut_off(self) -> None:
        self.dropConnection(abort=True)


def _send_of(transport: Any) -> Callable[[bytes], int] | None:
    """How to send on its socket, past the transport: not where that would encrypt what is sent."""
    is_plain = isinstance(transport, Connection) and not transport.TLS
    return transport.socket.send if is_plain else None


class GuardedWebSocketFactory(WebSocketFactory):
    protocol = GuardedWebSocket
