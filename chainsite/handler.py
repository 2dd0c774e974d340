"""Django's handler without a thread for each request.

Django's own sends its signals to receivers that are not async, closes each answer and logs each
refusal in threads, one of which it opens and joins for every request. Here they run where the
request does; a request whose view is sync code, such as the admin's, has its thread as before, and
is ended there. A small subclass over the pinned version, tested.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any, Final

from asgiref.sync import SyncToAsync, ThreadSensitiveContext, iscoroutinefunction, sync_to_async
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, set_script_prefix
from django.utils.log import log_response

from ledger.views import errors

from .early import worded
from .limits import BODY_BYTES, TOO_LARGE, Limit, refusals
from .prepared import as_sent
from .routes import resolve

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_AT_ONCE: Final = 0.02
"""Seconds that an answer may take before its client is listened to."""


class Handler(ASGIHandler):
    """Answers HTTP. Under a server without our guard, bodies are capped here."""

    chunk_size = 2**20  # of an answer that is handed on as it is: a server writes what it takes

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        async with ThreadSensitiveContext() as thread:
            await self._serve(thread, scope, receive, send)

    async def _serve(
        self, thread: ThreadSensitiveContext, scope: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        try:
            body = await _body(receive)
        except RequestAborted:
            return
        if body is None:
            await _refuse_body(scope["path"], send)
            return
        if prefix := get_script_prefix(scope):  # else it is as it was when this task began
            set_script_prefix(prefix)
        request, refusal = self.create_request(scope, body)
        if request is None:
            assert refusal is not None
            await self.send_response(refusal, send)
            return
        response = await self._answer_unless_gone(request, receive, send)
        if response is None:
            request.close()
        elif thread in SyncToAsync.context_to_thread_executor:
            await sync_to_async(response.close)()  # what it opened in its thread is closed there
        else:
            _let_go(response)

    async def _answer_unless_gone(
        self, request: ASGIRequest, receive: Receive, send: Send
    ) -> HttpResponseBase | None:
        """Answer; None if the client hung up before: then the view was cancelled."""
        client = _Client(receive)
        response = None
        try:
            response = await self.run_get_response(request)
            await self.send_response(response, send)
        except asyncio.CancelledError:
            if not client.is_gone:  # it is the server that stops
                raise
        finally:
            client.let_be()
        return response

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        chain: Any = self._middleware_chain  # type: ignore[attr-defined]
        response: Any = await chain(request)
        response._resource_closers.append(request.close)
        if response.status_code >= 400:
            log_response(
                *("%s: %s", response.reason_phrase, request.path),
                response=response,
                request=request,
            )
        assert isinstance(response, HttpResponseBase)
        return response

    async def _get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        """Django's way to the view, straight where there is nothing by the way: it would ask of
        each view whether it is async code, and what transaction it wants."""
        match = self.resolve_request(request)
        if not _is_async(match.func):
            response: HttpResponseBase = await super()._get_response_async(request)  # type: ignore[misc]
            return response
        for step in self._view_middleware:  # type: ignore[attr-defined]
            if (refusal := await step(request, match.func, match.args, match.kwargs)) is not None:
                assert isinstance(refusal, HttpResponseBase)
                return refusal
        try:
            response = await match.func(request, *match.args, **match.kwargs)
        except Exception as error:
            answer: Any = await sync_to_async(self.process_exception_by_middleware)(error, request)
            if answer is None:
                raise
            response = answer
        self.check_response(response, match.func)
        return response

    async def send_response(self, response: Any, send: Send) -> None:
        if response.streaming or response.cookies or len(response.content) > self.chunk_size:
            await super().send_response(response, send)
            return
        headers, status = as_sent(response), response.status_code
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})

    def process_exception_by_middleware(
        self, exception: Exception, request: HttpRequest
    ) -> HttpResponse:
        """Django's place to make an answer of what a view raised: that the database is away is no
        failure of ours, and not worth a traceback for each request."""
        if response := errors.outage(request, exception):
            return response
        answer: HttpResponse = super().process_exception_by_middleware(exception, request)
        return answer

    def resolve_request(self, request: HttpRequest) -> ResolverMatch:
        request.resolver_match = match = resolve(request.path_info)
        return match


class _Client:
    """Whoever waits for an answer: once it hung up, the task that was making it is cancelled.

    Most answers are there at once, so that to look whether anybody still waits for them would cost
    more than they do; it is looked after `_AT_ONCE` seconds.
    """

    __slots__ = ("_answering", "_listening", "_receive", "_timer", "is_gone")

    def __init__(self, receive: Receive) -> None:
        self.is_gone = False
        self._receive = receive
        self._answering = asyncio.current_task()
        self._listening: asyncio.Task[None] | None = None
        self._timer = asyncio.get_running_loop().call_later(_AT_ONCE, self._begin_to_listen)

    def let_be(self) -> None:
        """It has its answer, or there will be none."""
        self._timer.cancel()
        if self._listening is not None:
            self._listening.cancel()
        if self.is_gone and self._answering is not None:
            self._answering.uncancel()

    def _begin_to_listen(self) -> None:
        self._listening = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        await self._receive()  # there is no more to come but the end
        self.is_gone = True
        if self._answering is not None:
            self._answering.cancel()


@lru_cache(maxsize=256)
def _is_async(view: Callable[..., Any]) -> bool:
    return iscoroutinefunction(view)


def _let_go(response: Any) -> None:
    """`close()` without its signal: the receivers close what a thread of the request opened."""
    for closer in response._resource_closers:
        closer()
    response._resource_closers.clear()
    response.closed = True


async def _body(receive: Receive) -> BytesIO | None:
    """The request's body, in memory; None if it is too large.

    Raises `RequestAborted` if the client hung up before its end.
    """
    body = BytesIO()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestAborted
        body.write(message.get("body", b""))
        if body.tell() > BODY_BYTES:
            return None
        if not message.get("more_body", False):
            body.seek(0)
            return body


async def _refuse_body(path: str, send: Send) -> None:
    refusals.note(Limit.BODY_BYTES)
    kind, body = worded(path, "too-large", 413, TOO_LARGE)
    headers = [
        (b"Content-Type", kind),
        (b"Content-Length", b"%d" % len(body)),
        (b"Connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
