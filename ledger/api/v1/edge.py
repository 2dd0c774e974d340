"""What every answer passes through, whatever the resource.

HEAD is GET without the body, OPTIONS says what there is, another method is a problem, and so is
whatever a view raises. An answer that can be compared gets an `ETag`, and who has it already 304.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from ..problems import problem
from . import refusals

View = Callable[..., Awaitable[HttpResponseBase]]

FOR_EVER: Final = "public, max-age=31536000, immutable"
"""For what its address names by its hash."""
_EACH_TIME: Final = "no-cache"  # may be kept, and is asked for again


def edge(view: View) -> View:
    """The view as a URL has it."""

    @wraps(view)
    async def answering(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        method = request.method
        try:
            if method == "HEAD":
                request.method = "GET"
            response = await view(request, *args, **kwargs)
        except Exception as error:
            response = refusals.answer(request, error)
        finally:
            request.method = method
        if isinstance(response, HttpResponseNotAllowed):
            return _other_method(request, response["Allow"])
        if method == "HEAD":
            response = _bodiless(response)
        return _described(request, response) if method in ("GET", "HEAD") else response

    answering.csrf_exempt = True  # type: ignore[attr-defined]  # see `chainsite.cross_site`
    return answering


async def unknown(request: HttpRequest) -> HttpResponse:
    return problem("not-found", 404, f"there is nothing at {request.path}")


def _other_method(request: HttpRequest, allowed: str) -> HttpResponse:
    names = _with_implied(allowed.split(", "))
    if request.method == "OPTIONS":
        response = HttpResponse(status=204, headers={"Allow": names})
        del response.headers["Content-Type"]
        return response
    detail = f"{request.path} takes {names}"
    return problem("method-not-allowed", 405, detail, Allow=names)


def _with_implied(methods: Iterable[str]) -> str:
    """All there is, in one order: GET means HEAD."""
    there = {*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    order = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
    return ", ".join(sorted(there, key=order.index))


def _bodiless(response: HttpResponseBase) -> HttpResponseBase:
    """A streamed answer would be made only to be thrown away."""
    if not response.streaming:
        return response
    headers = dict(response.items())
    response.close()
    return HttpResponse(status=response.status_code, headers=headers)


def _described(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if response.status_code != 200:
        return response
    response.headers.setdefault("Cache-Control", _EACH_TIME)
    if "ETag" not in response.headers:
        if not isinstance(response, HttpResponse) or not response.content:
            return response
        digest = hashlib.sha256(response.content).hexdigest()
        response.headers["ETag"] = f'"{digest[:32]}"'
    tag = response.headers["ETag"]
    # Typed too narrowly: of the response it only takes headers.
    described: Any = response
    return get_conditional_response(request, etag=tag, response=described) or response
