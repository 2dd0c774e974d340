"""`/metrics` for Prometheus, and the dashboard that reads it."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import DatabaseError
from django.test import AsyncClient
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

import chainsite
from chainsite.instruments import metrics
from ledger.node import events, lifecycle
from ledger.node.network import peers
from ledger.queries import peers as peer_queries
from tests import databases
from tests.processes import PROJECT

BOARD = json.loads((PROJECT / "deploy" / "grafana" / "chainsite.json").read_text())
FUNCTIONS = {"by", "delta", "histogram_quantile", "increase", "le", "rate", "sum", "topk"}


class Scrape(dict[str, Any]):
    """Samples by name, each a value by its labels."""

    def value(self, name: str, **labels: str) -> float:
        return float(self[name][frozenset(labels.items())])


async def scrape(client: AsyncClient) -> Scrape:
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    found = Scrape()
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation or family.name.startswith("process_")
        for sample in family.samples:
            of_name = found.setdefault(sample.name, {})
            labels = frozenset(sample.labels.items())
            assert labels not in of_name, "the same series twice"
            of_name[labels] = sample.value
    return found


def not_there() -> set[str]:
    """What only the other kind of database has."""
    return {"chainsite_database_log_bytes"} if databases.server() else set()


async def test_it_says_how_the_node_stands(client: AsyncClient, node: lifecycle.Node) -> None:
    before = await scrape(client)
    node.miner.mine().result(20)
    await client.post(
        "/transactions/new",
        {"sender": "a", "recipient": "b", "amount": 1},
        content_type="application/json",
    )
    await node.writer.perform(lambda: peers.register(["127.0.0.1:64999"], 64))
    after = await scrape(client)
    assert after.value("chainsite_tip_index") == 2
    assert after.value("chainsite_pool_transactions") == 1
    assert after.value("chainsite_pool_bytes") > 0
    assert after.value("chainsite_peers", state="unasked") == 1
    assert after.value("chainsite_peers", state="agrees") == 0
    assert after.value("chainsite_reorganisations_total") == 0
    assert after.value("chainsite_mining_tries_total") > 0
    assert after.value("chainsite_mining_rate") == 0
    assert after.value("chainsite_writer_queue") == 0
    assert after.value("chainsite_database_readable") == 1
    assert after.value("chainsite_disk_free_bytes") > 0
    assert after.value("chainsite_database_bytes") > 0
    if not databases.server():
        assert after.value("chainsite_database_log_bytes") > 0
    assert after.value("chainsite_started_seconds") == node.started_at
    assert after.value("process_resident_memory_bytes") > 1024 * 1024
    assert after.value("process_open_fds") > 3
    grown = {
        name: after.value(name) - before.value(name)
        for name in ("chainsite_events_total", "chainsite_commit_seconds_count")
    }
    assert grown["chainsite_events_total"] == 3  # a block, a transaction, a peer
    assert grown["chainsite_commit_seconds_count"] == 3
    assert (
        after.value("chainsite_commit_group_size_sum")
        - before.value("chainsite_commit_group_size_sum")
        == 3
    )


async def test_it_says_which_versions_run(client: AsyncClient, node: lifecycle.Node) -> None:
    (labels,) = (await scrape(client))["chainsite_build_info"]
    assert dict(labels)["version"] == chainsite.__version__
    assert f'\nversion = "{chainsite.__version__}"\n' in (PROJECT / "pyproject.toml").read_text()
    assert set(dict(labels)) == {"version", "python", "sqlite"}


async def test_a_commit_that_fails_is_counted(client: AsyncClient, node: lifecycle.Node) -> None:
    name = "chainsite_commit_failures_total"
    before = (await scrape(client)).value(name)

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await node.writer.perform(fail)
    assert (await scrape(client)).value(name) == before + 1


async def test_requests_are_counted_by_route_and_never_by_path(
    client: AsyncClient, node: lifecycle.Node
) -> None:
    name = "chainsite_http_requests_total"
    unmatched = {"route": "unmatched", "method": "GET", "status": "404"}
    await client.get("/a-first")
    before = await scrape(client)
    for number in range(50):
        await client.get(f"/invented/{number}")
        await client.get(f"/block/{number + 10}")
        await client.generic(f"METHOD{number}", "/chain")
    after = await scrape(client)
    assert after.value(name, **unmatched) - before.value(name, **unmatched) == 50
    assert after.value(name, route="chain", method="other", status="405") >= 50
    assert after.value(name, route="ledger:block", method="GET", status="404") >= 50
    assert len(after[name]) <= len(before[name]) + 3  # /metrics is the third
    assert not any("invented" in dict(labels)["route"] for labels in after[name])
    assert after.value("chainsite_http_request_seconds_count", route="unmatched") >= 50


async def test_a_route_is_known_by_its_name(client: AsyncClient, node: lifecycle.Node) -> None:
    await client.get("/static/css/base.css")
    await client.get("/static/nothing.css")
    await client.get("/healthz")
    found = await scrape(client)
    routes = {dict(labels)["route"] for labels in found["chainsite_http_requests_total"]}
    assert {"static", "healthz", "unmatched"} <= routes


def test_counting_costs_a_request_microseconds() -> None:
    begun = time.process_time()
    for _ in range(20_000):
        metrics.count_request("healthz", "GET", 200, 0.001)
    assert (time.process_time() - begun) / 20_000 < 50e-6


async def test_a_peers_state_is_one_of_those_it_lists(node: lifecycle.Node) -> None:
    source = (PROJECT / "ledger" / "queries" / "peers.py").read_text()
    relation = source[source.index("def _relation") :]
    said = set(re.findall(r'"(\w+)"', relation)) | set(peer_queries.Peer.Fault.values)
    said |= set(peer_queries.Peer.Standing.values) - {peer_queries.Peer.Standing.ACTIVE}
    assert said == set(peer_queries.RELATIONS)
    found = await scrape(AsyncClient())
    assert {dict(labels)["state"] for labels in found["chainsite_peers"]} == said


async def test_it_says_how_badly_a_peer_behaved_and_what_is_still_to_come(
    client: AsyncClient, node: lifecycle.Node
) -> None:
    now = timezone.now()

    def misbehave() -> None:
        peers.register(["127.0.0.1:64998", "127.0.0.1:64999"], 64)
        rows = peer_queries.Peer.objects
        rows.update(alias_of="127.0.0.1:1")
        rows.filter(address="127.0.0.1:64999").update(
            score=40.0, scored_at=now - timedelta(hours=1), alias_of=""
        )

    before = await scrape(client)
    await node.writer.perform(misbehave)
    node.network.begin("127.0.0.1:64998", 1000)
    node.network.advance("127.0.0.1:64998", 400)
    after = await scrape(client)
    node.network.end("127.0.0.1:64998")
    assert before.value("chainsite_peer_misbehaviour") == 0
    assert after.value("chainsite_peer_misbehaviour") == pytest.approx(20, rel=0.01)
    assert after.value("chainsite_peers", state="alias") == 1
    assert after.value("chainsite_catching_up_blocks") == 600
    assert (await scrape(client)).value("chainsite_catching_up_blocks") == 0


async def test_events_that_sockets_wait_for_are_late(
    client: AsyncClient, node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    await node.writer.perform(lambda: events.record(events.REFUSAL, peer="p:1", reason="no"))
    assert (await scrape(client)).value("chainsite_event_lag_seconds") == 0  # nobody listens
    stuck = SimpleNamespace(is_working=True, sockets=3, seq=0)
    monkeypatch.setattr(metrics, "running_hub", lambda: stuck)
    found = await scrape(client)
    assert 0 < found.value("chainsite_event_lag_seconds") < 60
    assert found.value("chainsite_sockets") == 3
    stuck.seq = 10**9
    assert (await scrape(client)).value("chainsite_event_lag_seconds") == 0


async def test_without_the_database_the_rest_is_still_told(
    client: AsyncClient, node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: object) -> Any:
        raise DatabaseError("disk I/O error")

    monkeypatch.setattr(metrics, "one_moment", fail)
    found = await scrape(client)
    assert found.value("chainsite_database_readable") == 0
    assert "chainsite_tip_index" not in found
    assert found.value("chainsite_writer_queue") == 0


async def test_without_a_node_it_says_so(client: AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.status_code == 503
    assert "no node runs" in answer.text


async def test_it_is_only_read(client: AsyncClient) -> None:
    answer = await client.post("/metrics")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


async def test_the_document_on_instruments_names_every_metric_and_no_other(
    client: AsyncClient, node: lifecycle.Node
) -> None:
    document = (PROJECT / "docs" / "instruments.md").read_text()
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    names = {one.name + ("_total" if one.type == "counter" else "") for one in families}
    ours = {name for name in names if name.startswith("chainsite_")}
    assert len(ours) > 20
    assert set(re.findall(r"`(chainsite_\w+)`", document)) - not_there() == ours


def queries() -> list[str]:
    return [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]


async def test_the_dashboard_asks_only_for_what_there_is(
    client: AsyncClient, node: lifecycle.Node
) -> None:
    await client.get("/healthz")
    there = await scrape(client)
    asked = set()
    for query in queries():
        plain = re.sub(r'"[^"]*"|\[[^]]*\]', "", query)
        for name, labels in re.findall(r"(\w+)\{([^}]*)\}", plain):
            asked.add(name)
            if name in not_there():
                continue
            assert name in there, query
            known = {key for series in there[name] for key, _ in series} | {"instance", "job"}
            assert set(re.findall(r"\w+", labels)) <= known, query
        bare = re.sub(r"\w+\{[^}]*\}", "", plain)
        words = set(re.findall(r"[a-z_]+", bare)) - FUNCTIONS
        assert words <= {"route", "status", "state"}, query
    assert len(asked) > 20


def test_the_dashboard_shows_every_number_of_ours() -> None:
    asked = " ".join(queries())
    source = (PROJECT / "chainsite" / "instruments" / "metrics.py").read_text()
    ours = {
        name.removeprefix("chainsite_")
        for name in re.findall(r'(?:_gauge|_counter)\(\s*"(\w+)"|"(chainsite_\w+)"', source)
        for name in name
        if name
    }
    assert {"tip_index", "commit_seconds", "event_lag_seconds"} <= ours
    left_out = {name for name in ours if f"chainsite_{name}" not in asked}
    assert left_out == {"build", "database_readable", "pool_bytes"}


def test_the_dashboards_panels_do_not_overlap() -> None:
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in BOARD["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
