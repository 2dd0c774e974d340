"""The content security policy: django-csp's, from the settings, without a thread hop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ContentSecurityPolicy(CSPMiddleware):
    """Both halves only look and compute, so both run in place (as in `chainsite.visitors`)."""

    sync_capable = False
    get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        self.process_request(request)
        return self.process_response(request, await self.get_response(request))
