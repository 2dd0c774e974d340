"""`/healthz` says that the process answers, `/readyz` that it can do its work."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import AsyncClient, override_settings

from chainsite.instruments import health
from ledger.models import Event, Tip
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from tests import databases


@pytest.fixture
def checked(ledger_db: Path, conf: NodeConf) -> Iterator[lifecycle.Node]:
    """A node that started as a server does."""
    lifecycle.prepare(conf)
    lifecycle.verify_or_refuse()
    yield lifecycle.start(conf, serving=True)
    lifecycle.stop()


@pytest.fixture(autouse=True)
def nothing_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_probe", health._Probe())


async def refused(client: AsyncClient, name: str) -> str:
    """The one check that is not good; answer its reason."""
    answer = await client.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    said = answer.json()
    assert said["status"] == "not ready"
    assert [which for which, check in said["checks"].items() if not check["ok"]] == [name]
    return str(said["checks"][name]["reason"])


async def test_a_process_that_answers_is_alive_without_a_node_or_a_database(
    client: AsyncClient,
) -> None:
    assert not lifecycle.is_running()
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_process_without_a_node_is_not_ready(client: AsyncClient) -> None:
    assert await refused(client, "node") == "no node runs in this process"


async def test_a_node_that_can_do_its_work_is_ready(
    client: AsyncClient, checked: lifecycle.Node
) -> None:
    answer = await client.get("/readyz")
    said = answer.json()
    assert (answer.status_code, said["status"]) == (200, "ready")
    assert list(said["checks"]) == ["node", "verified", "database", "disk"]
    assert said["checks"]["verified"]["reason"] == "1 blocks were checked at the start"
    assert all(check["ok"] and check["reason"] for check in said["checks"].values())
    assert answer.headers["Cache-Control"] == "no-store"


async def test_a_node_that_was_not_checked_is_not_ready(
    client: AsyncClient, node: lifecycle.Node
) -> None:
    assert "was not checked" in await refused(client, "verified")


async def test_it_really_writes_and_changes_nothing(
    client: AsyncClient, checked: lifecycle.Node, ledger_db: Path
) -> None:
    def look() -> tuple[Any, ...]:
        version = None
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:
                cursor.execute("PRAGMA user_version")
                version = cursor.fetchone()
        return version, Event.objects.count(), Tip.objects.get().version

    before, size = await checked.reader.read(look), databases.logged(ledger_db)
    assert (await client.get("/readyz")).status_code == 200
    assert databases.logged(ledger_db) > size
    assert await checked.reader.read(look) == before


async def test_a_database_that_cannot_be_written_is_said(
    client: AsyncClient, checked: lifecycle.Node
) -> None:
    await checked.writer.perform(databases.forbid_writing)
    assert databases.FORBIDDEN.search(await refused(client, "database"))


async def test_a_writer_that_is_held_up_is_said_and_gets_on_with_its_work_later(
    client: AsyncClient,
    checked: lifecycle.Node,
    ledger_db: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "_PATIENCE", 0.2)
    with databases.locked(ledger_db):
        work = checked.writer.submit(lambda: "done")
        reason = await refused(client, "database")
    assert reason == "nothing could be written within 0.2 seconds"
    assert await asyncio.wrap_future(work) == "done"
    monkeypatch.setattr(health, "_probe", health._Probe())
    assert (await client.get("/readyz")).status_code == 200


async def test_many_who_ask_at_once_share_one_test(
    client: AsyncClient, checked: lifecycle.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write = health._write
    monkeypatch.setattr(health, "_write", lambda: written.append(1) or write())
    answers = await asyncio.gather(*(client.get("/readyz") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(written) == 1


async def test_a_disk_with_too_little_room_is_said(
    client: AsyncClient, checked: lifecycle.Node
) -> None:
    with override_settings(NODE_DISK_FLOOR=2**62):
        assert f"CHAINSITE_DISK_FLOOR is {2**62}" in await refused(client, "disk")
