"""Requests are answered without a thread each, and let go of when their client hangs up."""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import threading
from collections.abc import Callable
from typing import Any

import asgiref.sync
import pytest
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse
from django.urls import path

from chainsite import handler as handler_module
from chainsite.handler import Handler
from chainsite.limits import BODY_BYTES, Limit, refusals
from ledger.node import lifecycle

PATIENCE = 10.0
TRANSACTION = json.dumps({"sender": "a", "recipient": "b", "amount": 1}).encode()


class Exchange:
    """A server's side of one request."""

    def __init__(self, method: str, target: str, body: bytes = b"", **headers: str) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.inbox.put_nowait({"type": "http.request", "body": body, "more_body": False})
        self.sent: list[dict[str, Any]] = []
        sent = {"host": "localhost", "content-type": "application/json", **headers}
        self.scope = {
            "type": "http",
            "method": method,
            "path": target,
            "query_string": b"",
            "scheme": "http",
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 5000),
            "server": ("127.0.0.1", 8000),
        }

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    def start(self, handler: Handler) -> asyncio.Task[None]:
        return asyncio.create_task(handler(self.scope, self.inbox.get, self.send))

    async def answer(self, handler: Handler) -> tuple[int, bytes]:
        await asyncio.wait_for(self.start(handler), PATIENCE)
        return self.sent[0]["status"], b"".join(one.get("body", b"") for one in self.sent[1:])

    def hang_up(self) -> None:
        self.inbox.put_nowait({"type": "http.disconnect"})


@pytest.fixture
def pools(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The pools of threads that are made for requests."""
    made: list[object] = []

    class Noted(concurrent.futures.ThreadPoolExecutor):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            made.append(self)
            super().__init__(*arguments, **named)

    monkeypatch.setattr(asgiref.sync, "ThreadPoolExecutor", Noted)
    return made


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("POST", "/transactions/new", 201),
        ("GET", "/mine", 200),
        ("GET", "/chain", 200),
        ("HEAD", "/chain", 200),
        ("OPTIONS", "/chain", 204),
        ("DELETE", "/chain", 405),
        ("GET", "/transactions/new", 405),
        ("GET", "/healthz", 200),
        ("GET", "/api/v1/node", 200),
        ("GET", "/nodes/resolve", 200),
    ],
)
async def test_it_takes_no_thread(
    node: lifecycle.Node, pools: list[object], method: str, target: str, status: int
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(Refusing())
    body = TRANSACTION if method == "POST" else b""
    assert (await Exchange(method, target, body).answer(Handler()))[0] == status
    assert pools == []


class Refusing(concurrent.futures.ThreadPoolExecutor):
    """The pool that an event loop has for whoever names none."""

    def submit(self, *_arguments: Any, **_named: Any) -> Any:
        raise AssertionError("a thread was asked for")


async def test_a_page_in_sync_code_has_its_thread_and_ends_there(
    node: lifecycle.Node, pools: list[object]
) -> None:
    ended: list[str] = []

    def note(**_: Any) -> None:
        ended.append(threading.current_thread().name)

    request_finished.connect(note)
    try:
        status, page = await Exchange("GET", "/admin/login/").answer(Handler())
    finally:
        request_finished.disconnect(note)
    assert status == 200
    assert b"<form" in page
    assert len(pools) == 1
    assert [name.startswith("ThreadPoolExecutor") for name in ended] == [True]


# --- clients that hang up -------------------------------------------------------------------------


@pytest.fixture
def views(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Handler]:
    """A handler whose only view is this one."""

    def having(view: Any) -> Handler:
        match = path("healthz", view, name="healthz").resolve("healthz")
        monkeypatch.setattr(handler_module, "resolve", lambda _path: match)
        return Handler()

    return having


async def test_a_client_that_hangs_up_cancels_its_view(
    node: lifecycle.Node, views: Callable[[Any], Handler]
) -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def view(request: HttpRequest) -> HttpResponse:
        began.set()
        try:
            return await asyncio.Future()
        finally:
            ended.set()

    exchange = Exchange("GET", "/healthz")
    task = exchange.start(views(view))
    await asyncio.wait_for(began.wait(), PATIENCE)
    exchange.hang_up()
    await asyncio.wait_for(task, PATIENCE)

    assert ended.is_set()
    assert exchange.sent == []
    assert task.cancelling() == 0, "for the server it is a request that ended"


async def test_a_server_that_stops_cancels_the_request_itself(
    node: lifecycle.Node, views: Callable[[Any], Handler]
) -> None:
    began = asyncio.Event()

    async def view(request: HttpRequest) -> HttpResponse:
        began.set()
        return await asyncio.Future()

    task = Exchange("GET", "/healthz").start(views(view))
    await asyncio.wait_for(began.wait(), PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_answer_that_is_there_stands_whenever_its_client_hangs_up(
    node: lifecycle.Node, views: Callable[[Any], Handler]
) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("done")

    for turns in range(8):  # of the event loop, until the client hangs up
        exchange = Exchange("GET", "/healthz")
        task = exchange.start(views(view))
        for _ in range(turns):
            await asyncio.sleep(0)
        exchange.hang_up()
        await asyncio.wait_for(task, PATIENCE)
        assert [one["type"] for one in exchange.sent] in (
            [],
            ["http.response.start", "http.response.body"],
        )
    assert len(exchange.sent) == 2


async def test_nothing_of_a_request_is_left_running(
    node: lifecycle.Node, views: Callable[[Any], Handler]
) -> None:
    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("done")

    before = asyncio.all_tasks()
    assert await Exchange("GET", "/healthz").answer(views(view)) == (200, b"done")
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


async def test_a_client_that_hangs_up_in_its_body_is_not_answered(node: lifecycle.Node) -> None:
    exchange = Exchange("POST", "/transactions/new")
    exchange.inbox = asyncio.Queue()
    exchange.inbox.put_nowait({"type": "http.request", "body": b'{"sen', "more_body": True})
    exchange.hang_up()
    await asyncio.wait_for(exchange.start(Handler()), PATIENCE)
    assert exchange.sent == []


# --- bodies ---------------------------------------------------------------------------------------


async def test_a_body_in_pieces_is_read_whole(node: lifecycle.Node) -> None:
    exchange = Exchange("POST", "/transactions/new")
    exchange.inbox = asyncio.Queue()
    for at in range(len(TRANSACTION)):
        piece = TRANSACTION[at : at + 1]
        exchange.inbox.put_nowait({"type": "http.request", "body": piece, "more_body": True})
    exchange.inbox.put_nowait({"type": "http.request"})
    assert (await exchange.answer(Handler()))[0] == 201


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(node: lifecycle.Node) -> None:
    """Under a server that lets it through: ours refuses it before it comes here."""
    before = refusals.counts[Limit.BODY_BYTES]
    exchange = Exchange("POST", "/transactions/new")
    exchange.inbox = asyncio.Queue()
    for _ in range(100):
        exchange.inbox.put_nowait({"type": "http.request", "body": bytes(9999), "more_body": True})
    status, text = await exchange.answer(Handler())

    assert (status, text) == (413, b"the body is too large\n")
    assert exchange.inbox.qsize() == 100 - BODY_BYTES // 9999 - 1
    assert refusals.counts[Limit.BODY_BYTES] == before + 1
