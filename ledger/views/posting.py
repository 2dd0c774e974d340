"""What a form's target asks of a request, before the view sees it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Final, TypeVar, cast

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.decorators import decorator_from_middleware
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from django.views.decorators.http import require_POST

from . import errors

View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]
_AnyView = TypeVar("_AnyView", bound=Callable[..., Coroutine[Any, Any, HttpResponse]])

BODY_BYTES: Final = 16 * 1024
_FORM: Final = "application/x-www-form-urlencoded"


def wants_json(request: HttpRequest) -> bool:
    """Whether the client prefers JSON to a page; a page's script does."""
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


class _TokenCheck(CsrfViewMiddleware):
    """Django's own check, with an answer in our words. There is no such middleware for the whole
    site: the peers' endpoints carry no one's authority, and stay plain."""

    def _reject(self, request: HttpRequest, reason: str) -> HttpResponse:
        super()._reject(request, reason)  # type: ignore[misc]  # logs it
        if wants_json(request):
            message = _("This form is out of date, or another site sent it. Nothing was done.")
            return _refusal(request, gettext(message), 403)
        return errors.answer(request, 403)


_check: Final = decorator_from_middleware(_TokenCheck)


def token_check(view: _AnyView) -> _AnyView:
    """For views that answer a form with a page (`form_target` has it in it)."""
    return cast(_AnyView, _check(cast(Any, view)))


def form_target(view: View) -> View:
    """POST only, a small form, with the token of our own page; 405, 415, 413 and 403 otherwise."""
    checked = token_check(view)

    @require_POST
    @wraps(view)
    async def taking(request: HttpRequest) -> HttpResponse:
        if request.content_type != _FORM:
            return _refusal(request, f"Content-Type must be {_FORM}", 415)
        try:
            too_large = len(request.body) > BODY_BYTES
        except RequestDataTooBig:
            too_large = True
        if too_large:
            return _refusal(request, gettext("The form is too large."), 413)
        response: HttpResponse = await checked(request)
        return response

    return taking


def _refusal(request: HttpRequest, message: str, status: int) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"message": message}, status=status)
    return HttpResponse(message, status=status, content_type="text/plain; charset=utf-8")
