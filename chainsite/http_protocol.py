"""HTTP connections and requests that cannot be held open, or filled, without end."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Final

from daphne.http_protocol import HTTPFactory, WebRequest
from twisted.internet import reactor as _reactor
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.main import CONNECTION_DONE
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request
from twisted.web.http_headers import Headers
from zope.interface import implementer

from .admission import Turn
from .early import worded
from .flow import Flow
from .limits import BODY_BYTES, TOO_LARGE, Limit, refusals

reactor: Any = _reactor  # Twisted's types know no clock in it

LARGE_BYTES: Final = 256 * 1024
"""An answer that goes on after so much is large."""
CHUNK_BYTES: Final = 64 * 1024
"""An answer that is still being made begins with less than this; a large one does not."""
SEND_BYTES: Final = 1024 * 1024
"""What the socket is offered at once; Twisted's own 128 KiB are many turns of the loop."""
COME_BACK: Final = b"5"  # seconds
_MANY: Final = "many are being sent large answers; come back soon"


def _whole(status: bytes, text: bytes, *lines: bytes, kind: bytes = b"text/plain") -> bytes:
    """A whole answer after which the connection ends."""
    head = (
        b"HTTP/1.1 " + status,
        b"Content-Type: " + kind,
        b"Connection: close",
        b"Content-Length: %d" % len(text),
        *lines,
    )
    return b"\r\n".join((*head, b"", text))


class GuardedRequest(WebRequest):
    """An HTTP request whose body is capped before it is read, and whose answer is paced."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # Django reads forms, and Twisted would read them as well.
        super().__init__(*args, **kwargs, parsePOSTFormSubmission=False)
        self.flow: Flow | None = None
        self.turn: Turn | None = None
        self.is_small = False
        self._held: list[dict[str, Any]] = []
        self._held_bytes = 0
        self._taken = 0
        self._refused = False

    @property
    def group(self) -> Hashable:
        """As what its client is counted."""
        group: Hashable = self.server.group_of(self.client)
        return group

    def gotLength(self, length: int | None) -> None:
        if length is not None and length > BODY_BYTES:
            self._refuse()
            self.requestHeaders.removeHeader(b"expect")  # or Twisted would say 100 Continue
            length = 0
        # Of unknown length, Twisted would put it into a file; ours fit into memory.
        super().gotLength(length or 0)

    def handleContentChunk(self, data: bytes) -> None:
        self._taken += len(data)
        if self._taken > BODY_BYTES:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)

    def process(self) -> Any:
        # Daphne would take the root path of all URLs from it. It is a proxy's header, and no
        # proxy of ours sends it: whoever does is a client.
        self.requestHeaders.removeHeader(b"daphne-root-path")
        return None if self._refused else super().process()

    def handle_reply(self, message: dict[str, Any]) -> None:
        if self.flow is None and message["type"] == "http.response.start" and self.channel:
            self.flow = Flow()
            self.registerProducer(self.flow, True)
        super().handle_reply(message)

    def handle_exception(self, exception: BaseException) -> None:
        """The application failed. Within an answer there is no other to give: it breaks off, which
        its client can tell from a whole one."""
        if self._response_started:
            self.cut_off()
        else:
            super().handle_exception(exception)

    def hold(self, message: dict[str, Any]) -> list[dict[str, Any]]:
        """Pieces to be sent now: none until it is seen whether the answer is large."""
        if self.is_small or self.turn is not None:
            return [message]
        self._held.append(message)
        body = message.get("body", b"")
        self._held_bytes += len(body)
        is_last = not message.get("more_body", False) or len(body) < CHUNK_BYTES
        self.is_small = is_last and self._held_bytes <= LARGE_BYTES
        if not is_last and self._held_bytes < LARGE_BYTES:
            return []
        held, self._held = self._held, []
        return held

    def refuse_turn(self) -> None:
        """Answer 503 in place of the answer that was begun, of which nothing was sent yet."""
        refusals.note(Limit.LARGE_ANSWERS)
        if self.finished or self.channel is None:
            return
        kind, text = worded(self._asked_for(), "overloaded", 503, _MANY)
        self.responseHeaders = Headers()
        self.setResponseCode(503)
        self.setHeader(b"Content-Type", kind)
        self.setHeader(b"Content-Length", b"%d" % len(text))
        self.setHeader(b"Retry-After", COME_BACK)
        Request.write(self, text)
        self.finish()

    def finish(self) -> None:
        if self.flow is not None:
            self.unregisterProducer()
        self._let_go()
        super().finish()

    def connectionLost(self, reason: Any) -> None:
        self._let_go()
        super().connectionLost(reason)

    def cut_off(self) -> None:
        self._let_go()
        if self.channel is not None:
            self.channel.forceAbortClient()

    def _let_go(self) -> None:
        self._held = []
        if self.flow is not None:
            self.flow.stopProducing()
        if self.turn is not None:
            self.server.turns.give_back(self.turn)

    def _asked_for(self) -> str:
        """The path, as it was sent: known to the channel before it is to the request."""
        return bytes(getattr(self.channel, "_path", b"")).decode("latin-1")

    def _refuse(self) -> None:
        """Answer 413 and hang up; what still comes is not read."""
        if self._refused or self.channel is None:
            return
        self._refused = True
        refusals.note(Limit.BODY_BYTES)
        kind, body = worded(self._asked_for(), "too-large", 413, TOO_LARGE)
        self.channel.transport.write(_whole(b"413 Content Too Large", body, kind=kind))
        self.channel.loseConnection()


@implementer(IHalfCloseableProtocol)
class GuardedChannel(HTTPChannel):
    """An HTTP connection with a deadline for each thing it waits for.

    Twisted's one timeout begins anew with every byte, so that a byte a minute keeps a connection.
    """

    transport: Any
    timeOut: Any
    _networkProducer: Any
    _persists = False  # an answer was sent: it may stay idle for a while
    _began = False  # something of the next request has come
    _waits_for = Limit.HEAD_DEADLINE
    _answered: Any = None  # the request of an answer that is being taken still
    _due: float | None = None
    _timer: Any = None

    @property
    def _limits(self) -> Any:
        return self.factory.server.limits

    def connectionMade(self) -> None:
        self.transport.SEND_LIMIT = SEND_BYTES
        super().connectionMade()

    def setTimeout(self, period: float | None) -> Any:
        """Twisted's own moves a timer several times in each request, and to move one it looks
        through those of all connections. Ours goes off now and then, and looks at the clock."""
        before, self.timeOut = self.timeOut, period
        self._due = None
        if period is not None:
            self._due = reactor.seconds() + period
            if self._timer is None:
                self._arm(period)
            elif self._timer.getTime() > self._due:
                self._timer.reset(period)
        return before

    def _arm(self, seconds: float) -> None:
        # A deadline that is set later is hardly ever before this one.
        seconds = min(seconds, self._limits.head_deadline)
        self._timer = self.callLater(seconds, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if self._due is None:
            return
        left = self._due - reactor.seconds()
        if left > 0:
            self._arm(left)
        else:
            self._due = None
            self.timeoutConnection()

    def resetTimeout(self) -> None:
        """Bytes came: only the first of a request mean a new deadline."""
        if not self._began:
            self._began = True
            if self._persists:
                self.setTimeout(self._limits.head_deadline)

    def allHeadersReceived(self) -> None:
        super().allHeadersReceived()
        if not self.transport.disconnecting:
            self._waits_for = Limit.BODY_DEADLINE
            self.setTimeout(self._limits.body_deadline)

    def rawDataReceived(self, data: bytes) -> None:
        super().rawDataReceived(data)
        if self._handlingRequest and self._waitingForTransport:
            # Twisted counts on having paused already, has not, and would keep all that comes.
            self._networkProducer.pauseProducing()

    def requestDone(self, request: Any) -> None:
        """Go on to the next request, but not before the client took this one's answer."""
        if self._waitingForTransport:
            self._answered = request
            self.setTimeout(self._limits.write_deadline)
            return
        self._persists, self._began = True, False
        self._waits_for = Limit.HEAD_DEADLINE
        self._savedTimeOut = self._limits.idle_deadline
        super().requestDone(request)

    def resumeProducing(self) -> None:
        super().resumeProducing()
        request, self._answered = self._answered, None
        if request is not None:
            self.setTimeout(None)
            self.requestDone(request)

    def timeoutConnection(self) -> None:
        if self._handlingRequest:
            # Taking the last of an answer, or listening only (`readConnectionLost`).
            if self._answered is not None or not self.requests[0].startedWriting:
                refusals.note(Limit.WRITE_DEADLINE)
                self.forceAbortClient()
            return
        if self._began:
            refusals.note(self._waits_for)
            self.transport.write(_whole(b"408 Request Timeout", b"the request took too long\n"))
        self.loseConnection()

    def loseConnection(self) -> None:
        """Close once all is sent; abort when the client does not take it."""
        self.setTimeout(None)
        if self._abortingCall is None:
            self._abortingCall = self.callLater(self._limits.write_deadline, self.forceAbortClient)
        super().loseConnection()

    def readConnectionLost(self) -> None:
        """The client will say no more. One of HTTP/1.0 with a request may be waiting all the same.

        Of others it is how we learn that they hung up, and that a search for a block is in vain.
        How long the former wait is bounded, since they may be gone as well.
        """
        if self._handlingRequest and self.requests[0].clientproto == b"HTTP/1.0":
            self.setTimeout(self._limits.write_deadline)
        else:
            self.transport.connectionLost(Failure(CONNECTION_DONE))

    def writeConnectionLost(self) -> None:
        """We never close our half alone."""

    def connectionLost(self, reason: Any = None) -> None:
        self.factory.server.left(self.transport)
        if self._answered is not None:
            self.requests.remove(self._answered)  # it is finished, and nothing to be told
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        super().connectionLost(reason)


class _Refusal(Protocol):
    """A connection too many: it is told so, and closed."""

    transport: Any

    def connectionMade(self) -> None:
        text = b"too many connections; come back soon\n"
        self.transport.write(_whole(b"503 Service Unavailable", text, b"Retry-After: " + COME_BACK))
        self.transport.loseConnection()


class GuardedHTTPFactory(HTTPFactory):
    """Admits connections, and makes the protocols that speak on them."""

    protocol = GuardedChannel

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.timeOut = server.limits.head_deadline  # from when a connection is made

    def log(self, request: Any) -> None:
        """Twisted would put a line together, which nobody reads. Ours is in `instruments`."""

    def buildProtocol(self, addr: Any) -> Any:
        if not self.server.admits(addr):
            return _Refusal()
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = GuardedRequest
        return protocol
