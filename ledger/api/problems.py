"""Refusals of the versioned API: `application/problem+json` (RFC 9457).

`type` names the problem and stays as it is; `title` says it in words, `detail` what it was this
time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_noop as _

from ledger.node import errors

from .errors import BadRequest, View

logger = logging.getLogger(__name__)

MEDIA_TYPE: Final = "application/problem+json"
TITLES: Final = {
    "bad-request": _("The request is not as it has to be"),
    "failed": _("This node made a mistake"),
    "forbidden": _("This may not be done from there"),
    "invalid": _("What was sent breaks a rule"),
    "key-reused": _("This Idempotency-Key came before with something else"),
    "method-not-allowed": _("This takes other methods"),
    "not-allowed": _("This needs the operator"),
    "not-found": _("There is no such thing"),
    "overloaded": _("This node has too much to do"),
    "stale": _("The chain has moved on"),
    "too-large": _("The body is too large"),
    "too-many-requests": _("Too many requests came from this address"),
    "unavailable": _("This node cannot answer now"),
    "unsupported-media-type": _("The body is of another type than this takes"),
}
"""By the last part of `type`. That `/api/problems/…` leads to a page is the wiring's."""

ADVICE: Final = {
    "bad-request": _("`detail` says what is amiss. Asking again the same way does not help."),
    "failed": _("Its log says more, under the id in `X-Request-ID`."),
    "forbidden": _("A browser sent it for a page of another site. Programs are not meant."),
    "invalid": _("`errors` names each place and the rule that it breaks."),
    "key-reused": _("Take a new key for each transaction, and the same one only to repeat it."),
    "method-not-allowed": _("`Allow` says which."),
    "not-allowed": _("Send `Authorization: Bearer TOKEN`; `manage.py token create` makes one."),
    "not-found": _("`detail` says what was looked for, and how such things are named."),
    "overloaded": _("Nothing was done. Come back after the seconds in `Retry-After`."),
    "stale": _("Nothing was stored. Take a new template and search again."),
    "too-large": _("Bodies end at 64 KiB."),
    "too-many-requests": _("Come back after `Retry-After`; `RateLimit` says how much is left."),
    "unavailable": _("Its disk fails or it is stopping. Come back after `Retry-After`."),
    "unsupported-media-type": _("Send JSON with `Content-Type: application/json`."),
}
STATUSES: Final = {
    "bad-request": (400,),
    "failed": (500,),
    "forbidden": (403,),
    "invalid": (422,),
    "key-reused": (422,),
    "method-not-allowed": (405,),
    "not-allowed": (401,),
    "not-found": (404,),
    "overloaded": (429, 503),
    "stale": (409,),
    "too-large": (413,),
    "too-many-requests": (429,),
    "unavailable": (503,),
    "unsupported-media-type": (415,),
}

_BY_STATUS: Final = {404: "not-found", 405: "method-not-allowed"}


def problem(
    name: str, status: int, detail: str, more: Mapping[str, Any] | None = None, **headers: str
) -> HttpResponse:
    """The problem of that name, as an answer. `more` are members beside the standard ones."""
    return JsonResponse(
        {
            "type": f"/api/problems/{name}",
            "title": TITLES[name],
            "status": status,
            "detail": detail,
            **(more or {}),
        },
        status=status,
        content_type=MEDIA_TYPE,
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
