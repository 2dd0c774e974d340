"""Refusals of the five endpoints: a status and the reason in plain text, as the article's node."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from ledger.node import errors

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponseBase]]


class BadRequest(Exception):
    """The request itself is at fault; `status` says how."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def text(message: str, status: int, **headers: str) -> HttpResponse:
    """A plain text answer; never HTML, since reasons may quote what was sent."""
    return HttpResponse(
        message,
        status=status,
        content_type="text/plain; charset=utf-8",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def answer_errors(view: View) -> View:
    """Turn what the node raises into the status it means."""

    @wraps(view)
    async def answering(request: HttpRequest) -> HttpResponseBase:
        try:
            return await view(request)
        except BadRequest as error:
            return text(str(error), error.status)
        except errors.NotAccepted as error:
            return text(str(error), 400)
        except errors.KeyReused as error:
            return text(str(error), 422)
        except errors.Overloaded as error:
            return text(str(error), 503, Retry_After=str(error.retry_after))
        except (errors.StorageFailed, errors.Stopped, errors.Unattended) as error:
            return text(str(error), 503, Retry_After="5")
        except errors.NodeError as error:
            logger.warning("%s %s: %s", request.method, request.path, error)
            return text(str(error), 503, Retry_After="5")

    return answering


def methods(*allowed: str) -> Callable[[View], View]:
    """Answer 405 with `Allow` for other methods, and OPTIONS with the list."""
    names = ", ".join((*allowed, "OPTIONS"))

    def decorate(view: View) -> View:
        @wraps(view)
        async def checking(request: HttpRequest) -> HttpResponseBase:
            if request.method == "OPTIONS":
                return HttpResponse(status=204, headers={"Allow": names})
            if request.method not in allowed:
                return text(f"{request.path} takes {names}", 405, Allow=names)
            return await view(request)

        return checking

    return decorate
