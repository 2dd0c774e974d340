"""The policy of `ledger.access`, asked of every request before its view is.

In this order: was it a page of another site that had the browser send it, does its address ask too
often, may whoever asks do this. Static files are served before all of it.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any, Final

from asgiref.sync import markcoroutinefunction
from channels.security.websocket import WebsocketDenier
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext_noop as _

from ledger.access import policy as policies
from ledger.access.policy import Place, Policy, Rate, counted_as, rule_of
from ledger.access.visitor import Visitor, is_forwarded
from ledger.api import errors as api_errors
from ledger.api.problems import problem
from ledger.views import errors as page_errors

from . import cross_site
from .early import is_versioned
from .rate_limit import Allowance, Limiter

_FOREIGN_PAGE: Final = _("This came from somewhere else")
_OFTEN: Final = _("Too many requests came from your address. Ask again in {n} s.")
_OPERATOR: Final = _("This needs the operator")
_OPERATOR_MEANING: Final = _(
    "From another machine this is for whoever runs the node. Nothing was done."
)
_OPERATOR_ADVICE: Final = _(
    "Sign in as the operator and try again, or do it on the node's own machine."
)
_TOKEN_WANTED: Final = (
    "from your address this needs the operator: send Authorization: Bearer TOKEN"
    " (`manage.py token create` makes one), or sign in at /admin/"
)
_BEARER: Final = 'Bearer realm="chainsite"'
# Without credentials, so the answers are what anybody could read.
_SHARED: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Location, ETag, Link, RateLimit, RateLimit-Policy,"
    " Retry-After",
}
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, If-None-Match",
    "Access-Control-Max-Age": "86400",
}


class Access:
    """Middleware; async, without a thread hop for who carries no credentials."""

    sync_capable = False
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Awaitable[HttpResponseBase]]) -> None:
        self._get_response = get_response
        self._policy = Policy.from_settings()
        self._limiters = {rate: Limiter(self._policy.rates[rate]) for rate in Rate}
        markcoroutinefunction(self)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = await self._get_response(request)
        if request.resolver_match is not None:
            rule = rule_of(request.resolver_match.view_name)
            if rule.shared and not rule.acts(str(request.method)):
                _share(request, response)
            if (paced := getattr(request, "paced", None)) is not None:
                _tell_pace(response, *paced)
        return response

    async def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """A refusal, or None to go on. Leaves `request.visitor`."""
        match = request.resolver_match
        assert match is not None
        rule, method = rule_of(match.view_name), str(request.method)
        visitor = Visitor(request, self._policy)
        request.visitor = visitor  # type: ignore[attr-defined]
        if rule.acts(method):
            reason = cross_site.refusal(request, form=rule.form)
            if reason is not None:
                return _foreign(request, match, reason)
        act = rule.asks_for(method)
        if visitor.is_counted:
            limiter, client = self._limiters[act.rate], counted_as(visitor.address)
            wait = limiter.take(client)
            if is_versioned(request.path):
                request.paced = (act.rate, limiter.left(client))  # type: ignore[attr-defined]
            if wait:
                return _too_often(request, match, math.ceil(wait))
        return None if await visitor.may(act) else _not_allowed(request, match)


class CountedSockets:
    """The same for WebSockets, which only read: as often as pages, from one address."""

    def __init__(self, application: Callable[..., Awaitable[Any]], policy: Policy) -> None:
        self._application = application
        self._policy = policy
        self._limiter = Limiter(policy.rates[policies.READ.rate])

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        address = (scope.get("client") or ("",))[0]
        names = (name.decode("latin-1") for name, _value in scope["headers"])
        place = self._policy.place(address, forwarded=is_forwarded(names))
        if place is not Place.MACHINE and self._limiter.take(counted_as(address)):
            return await WebsocketDenier()(scope, receive, send)
        return await self._application(scope, receive, send)


def _is_page(match: ResolverMatch) -> bool:
    """Whether people are answered there; the rest is for programs, in plain text."""
    return match.namespace in ("ledger", "admin", "reference")


def _foreign(request: HttpRequest, match: ResolverMatch, reason: str) -> HttpResponse:
    if _is_page(match):
        return page_errors.refused(request, 403, _FOREIGN_PAGE, reason)
    if is_versioned(request.path):
        return problem("forbidden", 403, reason)
    return api_errors.text(reason, 403)


def _too_often(request: HttpRequest, match: ResolverMatch, seconds: int) -> HttpResponse:
    """Never a page: it costs more than a refusal may."""
    if _is_page(match):
        response = page_errors.briefly(request, 429, _OFTEN, n=seconds)
    elif is_versioned(request.path):
        response = problem("too-many-requests", 429, _OFTEN.format(n=seconds))
    else:
        response = api_errors.text(_OFTEN.format(n=seconds), 429)
    response.headers["Retry-After"] = str(seconds)
    return response


def _not_allowed(request: HttpRequest, match: ResolverMatch) -> HttpResponse:
    if _is_page(match):
        return page_errors.refused(
            request, 403, _OPERATOR, _OPERATOR_MEANING, _OPERATOR_ADVICE, signing_in=True
        )
    if is_versioned(request.path):
        return problem("not-allowed", 401, _TOKEN_WANTED, WWW_Authenticate=_BEARER)
    return api_errors.text(_TOKEN_WANTED, 401, WWW_Authenticate=_BEARER)


def _tell_pace(response: HttpResponseBase, rate: Rate, allowance: Allowance | None) -> None:
    """How much is left, in the words of the IETF's draft (draft-ietf-httpapi-ratelimit-headers)."""
    if allowance is not None:
        most, left, seconds, window = allowance
        response.headers["RateLimit-Policy"] = f'"{rate.value}";q={most};w={math.ceil(window)}'
        response.headers["RateLimit"] = f'"{rate.value}";r={left};t={math.ceil(seconds)}'


def _share(request: HttpRequest, response: HttpResponseBase) -> None:
    """Let pages of other sites read the answer."""
    for name, value in _SHARED.items():
        response.headers[name] = value
    if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
        for name, value in _PREFLIGHT.items():
            response.headers[name] = value
        patch_vary_headers(response, ("Access-Control-Request-Method",))
