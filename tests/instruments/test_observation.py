"""Every request has a name, which its log lines carry."""

from __future__ import annotations

import io
import json

import pytest
from django.test import AsyncClient, override_settings

from chainsite.instruments import logs
from ledger.node import lifecycle
from tests import databases


@pytest.mark.parametrize("name", ["abc-1", "A.b_c-9", "x" * 64])
async def test_a_sane_name_is_kept(client: AsyncClient, name: str) -> None:
    answer = await client.get("/healthz", headers={"X-Request-ID": name})
    assert answer.headers["X-Request-ID"] == name


@pytest.mark.parametrize("name", ["", "x" * 65, "a b", "a\nb", "a\x1b[2J", "a;b", "größe", "a\n"])
async def test_any_other_is_replaced(client: AsyncClient, name: str) -> None:
    first = await client.get("/healthz", headers={"X-Request-ID": name})
    second = await client.get("/healthz", headers={"X-Request-ID": name})
    made = {first.headers["X-Request-ID"], second.headers["X-Request-ID"]}
    assert len(made) == 2
    assert all(len(one) == 16 and one.isalnum() for one in made)


@pytest.mark.parametrize("path", ["/nowhere", "/chain", "/static/css/base.css", "/"])
async def test_every_answer_has_one(client: AsyncClient, node: lifecycle.Node, path: str) -> None:
    answer = await client.get(path)
    assert answer.headers["X-Request-ID"]
    if answer.streaming:
        assert [part async for part in answer.streaming_content]


async def test_a_request_under_a_strange_name_has_one(client: AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"host": "evil.example"})
    assert answer.status_code == 400
    assert answer.headers["X-Request-ID"]


async def test_what_the_writers_thread_logs_of_a_request_carries_its_name(
    client: AsyncClient, node: lifecycle.Node, log: io.StringIO
) -> None:
    await node.writer.perform(databases.forbid_writing)
    answer = await client.post(
        "/transactions/new",
        {"sender": "a", "recipient": "b", "amount": 1},
        content_type="application/json",
        headers={"X-Request-ID": "the-one"},
    )
    assert answer.status_code == 503
    (said,) = (line for line in log.getvalue().splitlines() if "could not be stored" in line)
    assert " [the-one] " in said
    assert databases.FORBIDDEN.search(said)


async def test_what_a_reading_thread_logs_of_a_request_carries_its_name(
    node: lifecycle.Node,
) -> None:
    logs.request_id.set("the-other")
    assert await node.reader.read(logs.request_id.get) == "the-other"


async def test_there_is_no_line_for_a_request_unless_it_is_asked_for(
    client: AsyncClient, log: io.StringIO
) -> None:
    await client.get("/healthz")
    assert log.getvalue() == ""
    with override_settings(NODE_ACCESS_LOG=True):
        await client.get("/healthz", headers={"X-Request-ID": "abc"})
    assert "INFO chainsite.requests [abc] GET /healthz 200 " in log.getvalue()


async def test_a_path_cannot_write_a_line_of_its_own(client: AsyncClient, log: io.StringIO) -> None:
    path = "/x%0A2026-01-01T00:00:00.000Z%20INFO%20ledger%20all%20is%20well%1B[2J%E2%80%AE"
    with override_settings(NODE_ACCESS_LOG=True):
        await client.get(path)
    (line,) = log.getvalue().splitlines()
    assert r"GET /x\n2026-01-01T00:00:00.000Z INFO ledger all is well\x1b[2J" in line
    assert line.isprintable()


async def test_the_line_has_its_parts_as_json_fields(
    client: AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with override_settings(NODE_ACCESS_LOG=True):
        await client.get("/nowhere")
    (record,) = (one for one in caplog.records if one.name == "chainsite.requests")
    said = json.loads(logs.JsonFormatter().format(record))
    assert (said["method"], said["path"], said["status"]) == ("GET", "/nowhere", 404)
    assert said["client"] == "127.0.0.1"
