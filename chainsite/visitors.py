"""Who a visitor is: Django's sessions, sign-in and messages, without a thread hop for strangers.

Django's own classes ask for a thread around every request. Their first halves only prepare what is
read when somebody asks, so here they run in place; the second halves, which write, get a thread
only for a request that touched its session or its messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

from .routes import is_plain

# Django calls `__acall__` where its chain is async, and ours is throughout.
AsyncResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class _WithoutHops(MiddlewareMixin):
    """The part that is alike; the bases that follow bring `process_request`."""

    sync_capable = False
    get_response: AsyncResponse
    process_request: Callable[[HttpRequest], Any]

    def leaves_something(self, request: HttpRequest) -> bool:
        """Whether Django's second half has anything to do."""
        return False

    def __call__(self, request: HttpRequest) -> Awaitable[HttpResponseBase]:
        return self.get_response(request) if is_plain(request) else self.__acall__(request)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        self.process_request(request)
        response = await self.get_response(request)
        if self.leaves_something(request):
            finish: Any = self.process_response  # type: ignore[attr-defined]
            response = await sync_to_async(finish)(request, response)
        return response


class Sessions(_WithoutHops, SessionMiddleware):
    """`request.session`; in async code, read it with `await request.session.aget(...)`."""

    def leaves_something(self, request: HttpRequest) -> bool:
        return request.session.accessed or request.session.modified

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Save the session, and close the connection: the thread of this request ends with it, and
        what it left open would wait for the garbage collector."""
        try:
            return super().process_response(request, response)
        finally:
            connection.close()


class SignedIn(_WithoutHops, AuthenticationMiddleware):
    """`request.user`, and `await request.auser()` in async code."""


class Messages(_WithoutHops, MessageMiddleware):
    """What an operator is told on the next page."""

    def leaves_something(self, request: HttpRequest) -> bool:
        storage: Any = request._messages  # type: ignore[attr-defined]
        return bool(storage.used or storage.added_new)
