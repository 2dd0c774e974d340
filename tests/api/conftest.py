"""A client within this process, a node that outlives a test, and a node on the wire."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.http.response import HttpResponseBase
from django.test import AsyncClient
from pytest_django.plugin import DjangoDbBlocker

from ledger import models
from ledger.node import chain_text, lifecycle
from ledger.node.conf import NodeConf
from tests import databases
from tests.conftest import use_database
from tests.processes import NodeProcess

JSON = "application/json"


class Caller:
    """Calls the five endpoints within this process. What a view fails to catch fails the test."""

    def __init__(self) -> None:
        self.client = AsyncClient()

    async def ask(self, method: str, path: str, **headers: str) -> Answer:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await Answer.of(await self.client.generic(method, path, headers=names))

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, **headers)

    async def post(
        self, path: str, value: Any, *, content_type: str = JSON, **headers: str
    ) -> Answer:
        """`value` as JSON; text and bytes go as they are."""
        data = value if isinstance(value, (str, bytes)) else json.dumps(value)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        response = await self.client.generic(
            "POST", path, data, content_type=content_type, headers=names
        )
        return await Answer.of(response)


class Answer:
    """A response, read to its end."""

    def __init__(self, response: HttpResponseBase, body: bytes) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.body = body

    @classmethod
    async def of(cls, response: Any) -> Answer:
        if response.streaming:
            return cls(response, b"".join([part async for part in response.streaming_content]))
        return cls(response, response.content)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == JSON
        return json.loads(self.body)

    def refuses(self, status: int, reason: str = "") -> bool:
        """Refused with this status, and in plain text that holds the reason."""
        assert (self.status, self.headers["Content-Type"]) == (status, "text/plain; charset=utf-8")
        assert reason in self.text
        return True


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


@pytest.fixture
def caller() -> Caller:
    return Caller()


def _contents() -> dict[str, Any]:
    kept = (
        *(models.Block, models.ActiveBlock, models.Tip, models.Transaction, models.Inclusion),
        *(models.Address, models.Peer, models.Reorganisation, models.Event, models.NodeIdentity),
    )
    return {model.__name__: list(model.objects.order_by("pk").values_list()) for model in kept}


Unchanged = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
def unchanged(caller: Caller) -> Unchanged:
    """Assert that nothing in the database changes meanwhile, and that the node answers after it."""

    @asynccontextmanager
    async def watch() -> AsyncIterator[None]:
        node = lifecycle.current()
        before = await node.reader.read(_contents)
        yield
        assert await node.reader.read(_contents) == before
        answer = await caller.get("/chain")
        assert answer.json["length"] == before["Tip"][0][2]

    return watch


Reading = Callable[[Callable[[], Any]], Awaitable[Any]]


@pytest.fixture
def reading() -> Reading:
    """Read the database from a test that runs in an event loop."""

    async def read(function: Callable[[], Any]) -> Any:
        return await lifecycle.current().reader.read(function)

    return read


@pytest.fixture
def chain(reading: Reading) -> Callable[[], Awaitable[list[Any]]]:
    """The active chain as this node tells it."""

    async def blocks() -> list[Any]:
        text = await reading(lambda: b"".join(chain_text.body()))
        return list(json.loads(text)["chain"])

    return blocks


@pytest.fixture(scope="module")
def lasting_node(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[lifecycle.Node]:
    """One node for all tests of a module that change nothing, or nothing that matters."""
    folder = tmp_path_factory.mktemp("lasting")
    databases.copy(migrated, folder / "chain.sqlite3")
    conf = replace(NodeConf.from_settings(), data=folder, dialect="seed", difficulty=2)
    with django_db_blocker.unblock():
        use_database(folder / "chain.sqlite3")
        with lifecycle.running(conf) as node:
            yield node
        connections.close_all()


@pytest.fixture(scope="session")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """One node as a process, for what only a socket can show."""
    process = NodeProcess(tmp_path_factory.mktemp("wire") / "node", dialect="seed", difficulty=2)
    yield process
    process.kill()
