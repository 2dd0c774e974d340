"""The content security policy: django-csp's, from the settings, without a thread hop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from csp.constants import HEADER
from csp.middleware import CSPMiddleware
from csp.utils import build_policy
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from .prepared import PreparedHeaders

_DECORATORS: Final = ("exempt", "config", "update", "replace")
_MARKS: Final = frozenset(
    ("_csp_nonce", *(f"_csp_{what}{ro}" for what in _DECORATORS for ro in ("", "_ro")))
)


class ContentSecurityPolicy(CSPMiddleware):
    """Both halves only look and compute, so both run in place (as in `chainsite.visitors`).

    Where neither the request nor the answer asks for anything special, the policy is always the
    same text. django-csp would put it together twice for each answer.
    """

    sync_capable = False
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        super().__init__(get_response)
        self._usual = PreparedHeaders({HEADER: build_policy()})

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        self.process_request(request)
        response = await self.get_response(request)
        if settings.DEBUG or _asks(request) or _asks(response):
            return self.process_response(request, response)
        self._usual.add_to(response)
        return response


def _asks(one: HttpRequest | HttpResponseBase) -> bool:
    """Whether django-csp's decorators, or the use of a nonce, left their mark."""
    return not _MARKS.isdisjoint(vars(one))
