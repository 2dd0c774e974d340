"""What holds for every answer: methods, slashes, tags, other sites, pace, refusals."""

from __future__ import annotations

import json
import threading

import pytest
from django.db import DatabaseError
from django.test import override_settings
from django.urls import URLPattern, reverse

from ledger.api.problems import ADVICE, STATUSES, TITLES
from ledger.api.v1 import site, urls
from ledger.api.v1.document import operations
from ledger.node import lifecycle, reading
from ledger.node.errors import NodeError
from tests.access.conftest import NEIGHBOUR, From
from tests.api.conftest import Caller
from tests.processes import NodeProcess

from .conftest import PAYMENT, V1, Api, problem

READ = [
    "/blocks", "/blocks/1", "/blocks/1/raw", "/blocks/1/status", "/blocks/1/transactions",
    "/transactions", "/pool", "/mining", "/mining/template", "/peers", "/forks",
    "/reorganisations", "/events", "/statistics", "/search?q=1", "/exports/chain?format=csv",
    "/exports/transactions?format=json", "/openapi.json",
]  # fmt: skip


async def test_head_is_get_without_the_body_and_options_says_what_there_is(api: Api) -> None:
    for path in READ:
        got, head = await api.get(path), await api.ask("HEAD", path)
        assert (got.status, head.status, head.body) == (200, 200, b""), path
        for name in ("Content-Type", "Cache-Control", "Link"):
            assert got.headers.get(name) == head.headers.get(name), path
        options = await api.ask("OPTIONS", path)
        assert (options.status, options.body) == (204, b""), path
        assert options.headers["Allow"].startswith("GET, HEAD, "), path
        assert "Content-Type" not in options.headers, path


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "NONSENSE"])
async def test_another_method_is_a_problem(api: Api, method: str) -> None:
    for path in READ:
        answer = await api.ask(method, path)
        said = problem(answer, 405, "method-not-allowed")
        assert answer.headers["Allow"] in said["detail"]


async def test_a_slash_at_the_end_changes_nothing(api: Api) -> None:
    for path in READ:
        route, mark, query = path.partition("?")
        assert (await api.get(f"{route}/{mark}{query}")).status == 200, path


async def test_nor_where_something_is_sent(api: Api) -> None:
    assert (await api.post("/transactions/", PAYMENT)).status == 201
    assert (await api.post("/transactions/check/", PAYMENT)).json["acceptable"] is True


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
async def test_an_unknown_path_is_a_problem(api: Api, method: str) -> None:
    for path in ("", "/", "/nowhere", "/blocks/1/raw/x", "//blocks", "/Blocks"):
        problem(await api.ask(method, path), 404, "not-found", "there is nothing at")


async def test_who_has_it_already_is_told_so(api: Api) -> None:
    for path in READ:
        answer = await api.get(path)
        if (tag := answer.headers.get("ETag")) is None:
            assert path.startswith("/exports")
            continue
        if path == "/mining/template":
            continue  # a new one each time
        again = await api.get(path, If_None_Match=tag)
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag), path
        assert (await api.get(path, If_None_Match='"other"')).status == 200


async def test_pages_of_any_site_may_read_and_none_may_act(node: lifecycle.Node) -> None:
    foreign = {"Origin": "https://elsewhere.example", "Sec_Fetch_Site": "cross-site"}
    for path in READ:
        answer = await From().ask("GET", V1 + path, **foreign)
        assert answer["Access-Control-Allow-Origin"] == "*", path
        assert "Link" in answer["Access-Control-Expose-Headers"]
    acts = (("POST", "/transactions"), ("POST", "/mining"), ("DELETE", "/mining"))
    for method, path in (*acts, ("POST", "/mining/blocks"), ("POST", "/blocks/check")):
        answer = await From().ask(method, V1 + path, json.dumps(PAYMENT), **foreign)
        assert answer.status_code == 403
        assert answer["Content-Type"] == "application/problem+json"
        assert "Access-Control-Allow-Origin" not in answer, path
        asked = {**foreign, "Access_Control_Request_Method": method}
        preflight = await From().ask("OPTIONS", V1 + path, **asked)
        assert preflight["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/mining"), ("DELETE", "/mining"), ("POST", "/mining/blocks")],
)
async def test_from_another_machine_mining_is_the_operators(
    node: lifecycle.Node, method: str, path: str
) -> None:
    answer = await From(NEIGHBOUR).ask(method, V1 + path, "{}")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert json.loads(answer.content)["type"] == "/api/problems/not-allowed"
    assert (await From(NEIGHBOUR).ask("GET", V1 + "/mining")).status_code == 200


async def test_in_a_classroom_anybody_may_start_but_not_cancel(node: lifecycle.Node) -> None:
    with override_settings(NODE_CLASSROOM=["192.168.0.0/16"]):
        pupil = From(NEIGHBOUR)
        assert await pupil.status("POST", f"{V1}/mining") == 202
        assert await pupil.status("DELETE", f"{V1}/mining") == 401


@override_settings(NODE_READ_RATE=12, NODE_WRITE_RATE=4)
async def test_the_pace_is_told_until_it_is_too_fast(node: lifecycle.Node) -> None:
    client = From(NEIGHBOUR)
    for left in (2, 1, 0):
        answer = await client.ask("GET", f"{V1}/blocks")
        assert answer["RateLimit-Policy"] == '"read";q=3;w=15'
        assert answer["RateLimit"].startswith(f'"read";r={left};t=')
    refused = await client.ask("GET", f"{V1}/blocks")
    assert (refused.status_code, refused["Content-Type"]) == (429, "application/problem+json")
    assert json.loads(refused.content)["type"] == "/api/problems/too-many-requests"
    assert 1 <= int(refused["Retry-After"]) <= 5
    assert refused["RateLimit"].startswith('"read";r=0;t=')
    sent = await client.ask("POST", f"{V1}/transactions", json.dumps(PAYMENT))
    assert (sent.status_code, sent["RateLimit-Policy"]) == (201, '"write";q=1;w=15')
    assert "RateLimit" not in await From().ask("GET", f"{V1}/blocks"), "this machine has none"
    assert "RateLimit" not in await client.ask("GET", "/blocks")


async def test_a_failure_of_ours_is_a_problem_and_in_the_log(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("ledger.queries.peers.described", broken)
    problem(await api.get("/peers"), 500, "failed", "its log says more")
    assert "ZeroDivisionError: oh" in caplog.text


@pytest.mark.parametrize("error", [NodeError("it stops"), DatabaseError("disk I/O error")])
async def test_a_node_that_cannot_answer_says_so(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    async def failing(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(reading.Reader, "read_at_once", failing)
    answer = await api.get("/blocks")
    problem(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "5"


async def test_no_request_takes_a_thread_of_its_own(api: Api) -> None:
    await api.get("/blocks")
    before = set(threading.enumerate())
    for path in READ:
        await api.get(path)
    new = [thread.name for thread in set(threading.enumerate()) - before]
    assert all(name.startswith("ledger-") for name in new), new


def test_every_problem_has_a_title_an_advice_and_a_status() -> None:
    assert set(TITLES) == set(ADVICE) == set(STATUSES)


async def test_its_type_leads_to_what_is_said_of_it(caller: Caller, node: lifecycle.Node) -> None:
    page = (await caller.get("/api/docs")).text
    for name in TITLES:
        answer = await caller.get(f"/api/problems/{name}")
        assert (answer.status, answer.headers["Location"]) == (302, f"/api/docs#problem-{name}")
        assert f'id="problem-{name}"' in page
    assert (await caller.get("/api/problems/nonsense")).status == 404


def test_every_path_has_both_spellings_and_the_plain_one_is_made() -> None:
    routes = [str(pattern.pattern) for pattern in urls.urlpatterns]
    plain = [route for route in routes if not route.endswith("/")][:-1]
    assert {f"{route}/" for route in plain} < set(routes)
    assert reverse("v1:block", args=["1"]) == "/api/v1/blocks/1"
    assert all(isinstance(pattern, URLPattern) for pattern in urls.urlpatterns)


def test_a_body_too_large_is_a_problem_before_it_is_read(wire: NodeProcess) -> None:
    path = f"{V1}/transactions"
    answer = wire.post(path, {"sender": "x" * 70_000})
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["type"] == "/api/problems/too-large"


def test_each_operation_declares_what_it_may_refuse() -> None:
    for path, method, operation in operations(site.document()):
        statuses = set(operation["responses"])
        assert {"429", "503"} <= statuses, (method, path)
        assert ("{" in path) <= ("404" in statuses), (method, path)
