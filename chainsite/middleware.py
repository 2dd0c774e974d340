"""What every request passes through: two small steps, without a thread hop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.decorators import async_only_middleware

from .prepared import PreparedHeaders

GetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

_HOSTS: Final = 64
"""Names that are remembered as ours, as they are sent."""
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@async_only_middleware
def check_host(get_response: GetResponse) -> GetResponse:
    """Refuse requests under a name that is not ours: the way DNS rebinding comes in."""

    known: set[str] = set()

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        sent = request.META.get("HTTP_HOST", "")
        if sent in known:
            return await get_response(request)
        try:
            request.get_host()
        except DisallowedHost:
            return HttpResponse(
                "This node is not called that. Add the name to CHAINSITE_ALLOWED_HOSTS.\n",
                status=400,
                content_type="text/plain; charset=utf-8",
            )
        if sent and len(known) < _HOSTS:
            known.add(sent)
        return await get_response(request)

    return middleware


@async_only_middleware
def choose_language(get_response: GetResponse) -> GetResponse:
    """Speak the visitor's language: the one chosen on a page, else the browser's.

    What Django's own middleware does, without its thread hop. The wire protocol's messages are not
    translated: nothing of them goes through gettext.
    """

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        if "HTTP_ACCEPT_LANGUAGE" not in request.META and "HTTP_COOKIE" not in request.META:
            # A program. What is not spoken of is spoken in the default language anyway.
            request.LANGUAGE_CODE = language = settings.LANGUAGE_CODE
            response = await get_response(request)
        else:
            language = translation.get_language_from_request(request)
            with translation.override(language):
                request.LANGUAGE_CODE = language
                response = await get_response(request)
        if response.headers.get("Content-Type", "").startswith("text/html"):
            response.headers.setdefault("Content-Language", language)
            patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response

    return middleware


@async_only_middleware
def security_headers(get_response: GetResponse) -> GetResponse:
    """Tell browsers what our pages may load, and who may frame or sniff them; over https, to keep
    what they are given to https."""

    headers = dict(_HEADERS)
    if settings.SECURE_HSTS_SECONDS:
        headers["Strict-Transport-Security"] = f"max-age={settings.SECURE_HSTS_SECONDS}"

    prepared = PreparedHeaders(headers)

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        response = await get_response(request)
        prepared.add_to(response)
        if response.cookies and request.is_secure():
            for cookie in response.cookies.values():
                cookie["secure"] = True
        return response

    return middleware
