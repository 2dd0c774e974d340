"""Clients from anywhere, on the site in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.http.response import HttpResponseBase
from django.test import AsyncClient
from pytest_django.plugin import DjangoDbBlocker

from ledger import models
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from tests import databases
from tests.conftest import use_database

NEIGHBOUR = "192.168.7.7"
STRANGER = "203.0.113.9"
TRANSACTION = '{"sender": "a", "recipient": "b", "amount": 1}'
REGISTRATION = '{"nodes": ["10.0.0.1:5000"]}'
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


class From(AsyncClient):
    """A client whose connection comes from `address`. Its middleware is made with the settings as
    they are at its first request."""

    def __init__(self, address: str = "127.0.0.1", **options: Any) -> None:
        super().__init__(enforce_csrf_checks=True, **options)
        self.address = address

    def _base_scope(self, **request: Any) -> dict[str, Any]:
        return {**super()._base_scope(**request), "client": [self.address, 4321]}

    async def ask(
        self, method: str, path: str, body: str = "", kind: str = JSON, **headers: str
    ) -> HttpResponseBase:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.generic(method, path, body, content_type=kind, headers=named)

    async def status(self, method: str, path: str, body: str = "", **headers: str) -> int:
        return (await self.ask(method, path, body, **headers)).status_code


@pytest.fixture(scope="package")
def shared(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[lifecycle.Node]:
    """One node for the whole folder."""
    folder = tmp_path_factory.mktemp("access")
    databases.copy(migrated, folder / "chain.sqlite3")
    conf = replace(NodeConf.from_settings(), data=folder, dialect="seed", difficulty=1)
    with django_db_blocker.unblock():
        use_database(folder / "chain.sqlite3")
        with lifecycle.running(conf) as node:
            yield node
        connections.close_all()


@pytest.fixture
def node(shared: lifecycle.Node) -> lifecycle.Node:
    return shared


@pytest.fixture
def effects(node: lifecycle.Node) -> Callable[[], Any]:
    """What a state change would change: await it before and after."""

    def count() -> tuple[int, ...]:
        kept = (models.Block, models.Transaction, models.Peer, models.Event)
        return tuple(model.objects.count() for model in kept)

    return lambda: node.reader.read(count)
