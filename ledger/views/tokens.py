"""The token that goes with a page's forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware


def give_token(request: HttpRequest, render: Callable[[], HttpResponse]) -> HttpResponse:
    """A page with a form in it, and the cookie that goes with the form's token. Every page has a
    form: the one that chooses the language."""
    check = CsrfViewMiddleware(lambda request: HttpResponse())
    check.process_request(request)  # the token that other open pages have stays good
    return cast(HttpResponse, check.process_response(request, render()))
