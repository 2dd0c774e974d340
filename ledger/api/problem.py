"""Refusals of what is not the article's: problem details, as RFC 9457 has them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase

from ledger.node.errors import NodeError, NotAccepted, Overloaded

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponseBase]]


def problem(status: int, detail: str, **headers: str) -> HttpResponse:
    """An answer that says what is wrong; `headers` with underscores for dashes."""
    value = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    return JsonResponse(
        value | {"detail": detail},
        status=status,
        content_type="application/problem+json",
        headers={name.replace("_", "-"): text for name, text in headers.items()},
    )


def answers(*methods: str) -> Callable[[View], View]:
    """Answer other methods with 405, OPTIONS with the list, and what the node raises as it means
    it."""
    names = ", ".join((*methods, "OPTIONS"))

    def decorate(view: View) -> View:
        @wraps(view)
        async def answering(request: HttpRequest) -> HttpResponseBase:
            if request.method == "OPTIONS":
                return HttpResponse(status=204, headers={"Allow": names})
            if request.method not in methods:
                return problem(405, f"{request.path} takes {names}", Allow=names)
            try:
                return await view(request)
            except NotAccepted as error:
                return problem(400, str(error))
            except Overloaded as error:
                return problem(503, str(error), Retry_After=str(error.retry_after))
            except NodeError as error:
                return problem(503, str(error), Retry_After="5")

        return answering

    return decorate
