"""Refusals of the versioned API: `application/problem+json` (RFC 9457).

`type` names the problem and stays as it is; `title` says it in words, `detail` what it was this
time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from ledger.node import errors

from .errors import BadRequest, View

logger = logging.getLogger(__name__)

TITLES: Final = {
    "bad-request": "The request is not as it has to be",
    "forbidden": "This may not be done from there",
    "method-not-allowed": "This takes other methods",
    "not-allowed": "This needs the operator",
    "not-found": "There is no such thing",
    "overloaded": "This node has too much to do",
    "too-many-requests": "Too many requests came from this address",
    "unavailable": "This node cannot answer now",
}
_BY_STATUS: Final = {404: "not-found", 405: "method-not-allowed"}


def problem(name: str, status: int, detail: str, **headers: str) -> HttpResponse:
    """The problem of that name, as an answer."""
    return JsonResponse(
        {
            "type": f"/api/problems/{name}",
            "title": TITLES[name],
            "status": status,
            "detail": detail,
        },
        status=status,
        content_type="application/problem+json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def answer_problems(view: View) -> View:
    """Turn what the node raises into the problem it means."""

    @wraps(view)
    async def answering(request: HttpRequest) -> HttpResponseBase:
        try:
            return await view(request)
        except BadRequest as error:
            return problem(_BY_STATUS.get(error.status, "bad-request"), error.status, str(error))
        except errors.NotAccepted as error:
            return problem("bad-request", 422, str(error))
        except errors.Overloaded as error:
            return problem("overloaded", 503, str(error), Retry_After=str(error.retry_after))
        except errors.NodeError as error:
            logger.warning("%s %s: %s", request.method, request.path, error)
            return problem("unavailable", 503, str(error), Retry_After="5")

    return answering


def takes(*allowed: str) -> Callable[[View], View]:
    """Answer 405 with `Allow` for other methods, and OPTIONS with the list."""
    names = ", ".join((*allowed, "OPTIONS"))

    def decorate(view: View) -> View:
        @wraps(view)
        async def checking(request: HttpRequest) -> HttpResponseBase:
            if request.method == "OPTIONS":
                return HttpResponse(status=204, headers={"Allow": names})
            if request.method not in allowed:
                detail = f"{request.path} takes {names}"
                return problem("method-not-allowed", 405, detail, Allow=names)
            return await view(request)

        return checking

    return decorate
