"""Who may open a WebSocket: pages of this very origin, and programs that are no browser.

Channels accepts any Host, and its own origin check knows no ports. A browser always sends Origin
with a WebSocket, and a page cannot forge it; what sends none carries no visitor's authority.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

Application = Callable[..., Awaitable[Any]]


class SameOriginOnly:
    """Let a connection through if Host is ours and Origin, if any, is exactly scheme://Host."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        origin = headers.get(b"origin")
        scheme = "https" if scope.get("scheme") in ("wss", "https") else "http"
        name, _ = split_domain_port(host)
        if validate_host(name, settings.ALLOWED_HOSTS) and origin in (None, f"{scheme}://{host}"):
            return await self._application(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)
