"""Who asks: from where, and whether it is the operator."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from ledger.node import lifecycle, tokens
from ledger.node.errors import Overloaded, Stopped

from .policy import CANCEL, MINE, REGISTER, RESOLVE, SEND, Act, Grant, Place, Policy

# A proxy of any make sends one of these, unless it was told not to.
_FORWARDING: Final = frozenset(
    ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
)
_FORWARDING_IN_META: Final = frozenset(
    "HTTP_" + name.upper().replace("-", "_") for name in _FORWARDING
)
_ON_PAGES: Final = (SEND, REGISTER, MINE, RESOLVE, CANCEL)


class Visitor:
    """Whoever sent a request. Costs nothing to make; accounts are only looked at when asked."""

    def __init__(self, request: HttpRequest, policy: Policy) -> None:
        self.address: str = request.META.get("REMOTE_ADDR", "")
        forwarded = not _FORWARDING_IN_META.isdisjoint(request.META)
        self.place = policy.place(self.address, forwarded=forwarded)
        self._policy = policy
        self._request = request
        self._operator: bool | None = None

    @property
    def is_counted(self) -> bool:
        """Whether there is a limit to how often; on this machine there is none."""
        return self.place is not Place.MACHINE

    async def may(self, act: Act) -> bool:
        """Whether this visitor may do it. Pages that ask for sign-in themselves are let do so."""
        if self._policy.grant(act, self.place) is not Grant.OPERATOR:
            return True
        return await self.is_operator()

    async def may_on_pages(self) -> dict[str, bool]:
        """The same for all that pages have forms for, by name."""
        return {act.name: await self.may(act) for act in _ON_PAGES}

    async def is_operator(self) -> bool:
        """Whether the request carries a good token, or the session of somebody on the staff."""
        if self._operator is None:
            self._operator = await self._has_token() or await self._is_signed_in()
        return self._operator

    async def _has_token(self) -> bool:
        scheme, _, text = self._request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer" or not tokens.is_one(text := text.strip()):
            return False
        node = lifecycle.current()
        token = await node.reader.read(tokens.find, text)
        if token is None:
            return False
        if tokens.is_news(token, timezone.now()):
            with suppress(Overloaded, Stopped):
                node.writer.submit(partial(tokens.note_use, token.pk))
        return True

    async def _is_signed_in(self) -> bool:
        if settings.SESSION_COOKIE_NAME not in self._request.COOKIES:
            return False
        user = await self._request.auser()
        return bool(user.is_active and user.is_staff)


def is_forwarded(headers: Iterable[str]) -> bool:
    """Whether a request with headers of these names came through somebody else's hands."""
    return not _FORWARDING.isdisjoint(map(str.lower, headers))


def visitor_of(request: HttpRequest) -> Visitor:
    """Who sent it, as `chainsite.access` found on its way in."""
    visitor: Any = request.visitor  # type: ignore[attr-defined]
    assert isinstance(visitor, Visitor)
    return visitor
