"""What went wrong, as a page in the site's look: what it means, and what to do now.

Pages are for who asks for HTML; a program gets a line of text. Nothing here needs a running node.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from ledger.node.errors import NodeError

from .tokens import give_token

logger = logging.getLogger(__name__)

_PAGES: Final = {
    400: (
        _("This request makes no sense here"),
        _("Something in the address or in what was sent cannot be read."),
        _("Go back and try again, or begin at the dashboard."),
    ),
    403: (
        _("This form is out of date"),
        _("It was open for too long, or another site sent it. Nothing was done."),
        _("Go back, reload the page, and try again."),
    ),
    404: (
        _("There is nothing at this address"),
        _("It may never have been here: this node only knows the chain it holds."),
        _("Search for an index, a hash, a transaction or an address, or begin at the dashboard."),
    ),
    503: (
        _("This node cannot answer just now"),
        _("Its database does not answer, or it is stopping. Nothing acknowledged is lost."),
        _("Reload in a moment. If it stays, whoever runs this node should look at the database."),
    ),
    500: (
        _("This node made a mistake"),
        _("It is written to the log. Nothing that was acknowledged is lost."),
        _("Reload in a moment. If it stays, whoever runs this node should look at the log."),
    ),
}

_NOT_ALLOWED: Final = (
    _("This is not allowed"),
    _("Your account may not do this, or nobody may: history can be neither changed nor deleted."),
    _("Go back, or sign in with another account."),
)


def answer(request: HttpRequest, status: int, reason: str = "") -> HttpResponse:
    """The page of a status; text or JSON for what does not ask for pages. `reason` says more."""
    accepted = request.headers.get("Accept", "")
    if "application/json" in accepted and "text/html" not in accepted:
        return JsonResponse({"message": reason or _PAGES[status][0]}, status=status)
    if "text/html" not in accepted:
        text = f"{reason or _PAGES[status][0]}\n"
        return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
    return _page(request, status, *map(gettext, _PAGES[status]), reason=reason)


def refused(
    request: HttpRequest,
    status: int,
    title: str,
    meaning: str,
    advice: str = "",
    *,
    signing_in: bool = False,
) -> HttpResponse:
    """Something that was not let through, and why; `meaning` alone for what asks for no page.
    `signing_in`: it would be for whoever signs in. Texts are translated here."""
    if "text/html" not in request.headers.get("Accept", ""):
        return briefly(request, status, meaning)
    texts = (gettext(text) if text else "" for text in (title, meaning, advice))
    return _page(request, status, *texts, signing_in=signing_in)


def briefly(request: HttpRequest, status: int, message: str, **values: object) -> HttpResponse:
    """A refusal in one translated sentence, as JSON for what asks for that."""
    message = gettext(message).format(**values)
    if "application/json" in request.headers.get("Accept", ""):
        return JsonResponse({"message": message}, status=status)
    return HttpResponse(f"{message}\n", status=status, content_type="text/plain; charset=utf-8")


def _page(
    request: HttpRequest, status: int, title: str, meaning: str, advice: str, **more: Any
) -> HttpResponse:
    values = {"title": title, "meaning": meaning, "advice": advice, "status": status, **more}
    template = loader.get_template("ledger/error.html")
    return give_token(
        request, lambda: HttpResponse(template.render(values, request), status=status)
    )


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return answer(request, 400)


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    """Whoever it is may not do this: the admin's pages say so with Django's exception."""
    return refused(request, 403, *_NOT_ALLOWED)


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form's token is missing or old."""
    return answer(request, 403)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return answer(request, 404, _reason(exception))


def outage(request: HttpRequest, error: BaseException | None) -> HttpResponse | None:
    """The answer where a request failed only because the database does not answer, or the node
    does not do it now; None for any other failure."""
    if not isinstance(error, (OperationalError, InterfaceError, NodeError)):
        return None
    logger.warning("%s %s: %s", request.method, request.path, error)
    try:
        response = answer(request, 503)
    except (OperationalError, InterfaceError):  # the page itself may want to know who asks
        text = "This node cannot answer just now.\n"
        response = HttpResponse(text, status=503, content_type="text/plain; charset=utf-8")
    response["Retry-After"] = str(getattr(error, "retry_after", 5))
    return response


def failed(request: HttpRequest) -> HttpResponse:
    """Last resort: a page that cannot be made must not fail in its turn."""
    try:
        return outage(request, sys.exception()) or answer(request, 500)
    except Exception:
        logger.exception("the page for a failure failed")
        text = "This node made a mistake; its log says more.\n"
        return HttpResponse(text, status=500, content_type="text/plain; charset=utf-8")


def _reason(exception: Any) -> str:
    """What a 404 says in words; Django's own speak of routes."""
    arguments = list(getattr(exception, "args", ()))
    return next((text for text in arguments[:1] if isinstance(text, str)), "")
