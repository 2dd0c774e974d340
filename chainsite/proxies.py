"""Who a request is really from, where a proxy of ours passed it on.

Whoever wants to can send X-Forwarded-For. Only from the addresses in CHAINSITE_TRUSTED_PROXIES is
it believed, and of it only what they wrote themselves: the last address that is not theirs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from ledger.access.policy import Policy, parse

Application = Callable[..., Awaitable[Any]]

_SECURE: Final = {"http": "https", "ws": "wss"}


class BehindProxies:
    """Puts the visitor's address and scheme where servers put those of the connection."""

    def __init__(self, application: Application, policy: Policy) -> None:
        self._application = application
        self._policy = policy

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        if scope["type"] in ("http", "websocket") and scope.get("client"):
            address = scope["client"][0]
            if self._policy.trusts(address):
                scope = self._as_told(scope, address)
        return await self._application(scope, receive, send)

    def _as_told(self, scope: dict[str, Any], proxy: str) -> dict[str, Any]:
        told = _listed(scope, b"x-forwarded-for")
        # What stands before an address that is not ours, or that is none, anybody may have written.
        stranger = (one for one in reversed(told) if not self._policy.trusts(one))
        address = next(stranger, proxy)
        if parse(address) is None:
            address = proxy
        scope = {**scope, "client": (address, 0)}
        if _listed(scope, b"x-forwarded-proto")[-1:] == ["https"]:
            scope["scheme"] = _SECURE.get(scope["scheme"], scope["scheme"])
        return scope


def _listed(scope: dict[str, Any], header: bytes) -> list[str]:
    """What a header lists, over all its lines."""
    lines = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == header]
    return [word.strip() for word in ",".join(lines).split(",") if word.strip()]
