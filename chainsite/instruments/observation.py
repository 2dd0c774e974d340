"""What is done around every request: a name for it in the log, a count, a stopwatch."""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import async_only_middleware

from . import logs, metrics

GetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

written = logging.getLogger("chainsite.requests")

_SANE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
# A request's name is no secret, and to ask the system for dice each time would let go of Python's
# lock, and wait to have it back.
_RUN: Final = secrets.token_hex(4)
_count: Final = itertools.count()


@async_only_middleware
def observe(get_response: GetResponse) -> GetResponse:
    """Take the request's id from `X-Request-ID`, or make one, and answer with it; count and time.

    The time is until the answer begins. Goes first in the list, so that nothing escapes it.
    """

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        begun = time.perf_counter()
        sent = request.META.get("HTTP_X_REQUEST_ID", "")
        name = sent if sent and _SANE.fullmatch(sent) else f"{_RUN}{next(_count) % 2**32:08x}"
        # Each request runs in a task of its own, and the value ends with it: what is logged while
        # the body is streamed, after this function, still belongs to the request.
        logs.request_id.set(name)
        response = await get_response(request)
        response.headers["X-Request-ID"] = name
        taken = time.perf_counter() - begun
        method = request.method if request.method in _METHODS else "other"
        metrics.count_request(route(request, response), method or "", response.status_code, taken)
        if settings.NODE_ACCESS_LOG:
            _write_down(request, response.status_code, taken)
        return response

    return middleware


def route(request: HttpRequest, response: HttpResponseBase) -> str:
    """The name of the URL pattern: never the path, of which clients can invent any number."""
    if request.resolver_match is not None:
        return request.resolver_match.view_name
    is_file = response.status_code < 400 and request.path.startswith(settings.STATIC_URL)
    return "static" if is_file else "unmatched"


def _write_down(request: HttpRequest, status: int, taken: float) -> None:
    client = request.META.get("REMOTE_ADDR", "")
    milliseconds = round(taken * 1000, 1)
    written.info(
        "%s %s %d %s ms %s",
        *(request.method, request.path, status, milliseconds, client),
        extra={
            "fields": {
                "method": request.method,
                "path": request.path,
                "status": status,
                "milliseconds": milliseconds,
                "client": client,
            }
        },
    )
