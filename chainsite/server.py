"""Daphne, with limits.

Daphne as it comes reads a body of any size before the application sees it, waits without end for a
request that never ends, and buffers without end for a client that does not read. Small subclasses
of its classes, Twisted's and Autobahn's (all pinned) put that right:

* connections are capped, in all and by client; one too many is told so and closed (`admission`);
* a request's head and its body have deadlines, and so has an idle connection (`http_protocol`);
* a body over the cap is refused by its Content-Length before it is read, and a chunked one as soon
  as it passes the cap;
* `await send(…)` waits while the client's socket is full, for answers and WebSockets alike; a
  client that takes nothing for `write_deadline` seconds is cut off (`flow`);
* large answers are sent to a few clients at a time; the others wait shortly or get 503, and who
  does not read loses the turn when others wait (`admission.Turns`);
* a WebSocket's client is held to small messages and few frames (`ws_protocol`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Hashable
from typing import Any, Final

from daphne.server import Server
from twisted.internet.interfaces import ISSLTransport

from ledger.access.policy import Policy
from ledger.live.bundle import EXTENSION

from .admission import Connections, Turns, client_group
from .descriptors import connections_possible
from .http_protocol import GuardedHTTPFactory, GuardedRequest
from .limits import Limit, Limits, refusals
from .ws_protocol import MESSAGE_BYTES, GuardedWebSocketFactory

logger = logging.getLogger(__name__)

STALL: Final = 2.0
"""Seconds without progress after which a large answer makes room for another."""


class GuardedServer(Server):
    """Daphne's server with our protocols in it."""

    connections: dict[Any, dict[str, Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.limits, self._policy = Limits.from_settings(), Policy.from_settings()
        kwargs.setdefault("websocket_max_message_size", MESSAGE_BYTES)
        kwargs.setdefault("websocket_max_frame_size", MESSAGE_BYTES)
        kwargs["server_name"] = ""  # whose version this is is nobody's business
        super().__init__(*args, **kwargs)
        self.turns = Turns(self.limits.large_answers)

    def run(self) -> None:
        possible = connections_possible(self.limits.connections)
        self.admitted = Connections(possible, self.limits.connections_per_address)
        super().run()

    def admits(self, address: Any) -> bool:
        """Whether a connection from there may stay. If so, `left` is called in the end."""
        return self.admitted.admit(self.group_of(address))

    def left(self, transport: Any) -> None:
        self.admitted.leave(self.group_of(transport.getPeer()))

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if scope["type"] == "websocket":
            # Daphne leaves it out, and whether an Origin is ours depends on it.
            scope["scheme"] = "wss" if ISSLTransport.providedBy(protocol.transport) else "ws"
            scope["extensions"] = {EXTENSION: protocol.write_at_once}
        return super().create_application(protocol, scope)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        if not isinstance(protocol, GuardedRequest) or message["type"] != "http.response.body":
            await self._send(protocol, message)
            return
        pieces = protocol.hold(message)
        if pieces and not protocol.is_small and protocol.turn is None:
            protocol.turn = await self.turns.take(protocol.group)
            if protocol.turn is None:
                protocol.refuse_turn()
                return
        for piece in pieces:
            await self._send(protocol, piece)

    def kill_all_applications(self) -> Any:
        # Of a request that is still coming in there is none, and Daphne would fall over that.
        self.connections = {
            protocol: details
            for protocol, details in self.connections.items()
            if "application_instance" in details
        }
        return super().kill_all_applications()

    async def _send(self, protocol: Any, message: dict[str, Any]) -> None:
        await super().handle_reply(protocol, message)
        flow = getattr(protocol, "flow", None)
        if flow is None:
            return
        turn = getattr(protocol, "turn", None)
        patience, begun = self.limits.write_deadline, time.monotonic()
        while not await flow.wait(min(STALL, patience)):
            if time.monotonic() - begun >= patience or (turn and self.turns.is_wanted(turn)):
                self._cut_off(protocol, Limit.WRITE_DEADLINE)
                return
        if turn and turn.is_long and self.turns.is_wanted(turn):
            self._cut_off(protocol, Limit.LARGE_ANSWERS)

    def _cut_off(self, protocol: Any, limit: Limit) -> None:
        refusals.note(limit)
        protocol.flow.stopProducing()
        protocol.cut_off()

    def group_of(self, address: Any) -> Hashable:
        """As what a client is counted; None for this machine and for proxies, which are many."""
        host = getattr(address, "host", "")
        return None if self._policy.trusts(host) else client_group(host)


def install() -> None:
    """Let Daphne's `Server.run` build our protocols; it looks the factories up by these names."""
    from daphne import server

    server.HTTPFactory = GuardedHTTPFactory
    server.WebSocketFactory = GuardedWebSocketFactory


install()
