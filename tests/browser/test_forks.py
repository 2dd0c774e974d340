"""A reorganisation as it is seen: banner, tree, journal, its own page; peers and charts live."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests import databases
from tests.processes import NodeProcess

from .conftest import Watched
from .reading import wait_until_live
from .test_accessibility import violations

Visit = Callable[..., Watched]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NodeProcess, NodeProcess]]:
    """Two nodes of one network; the first knows the second."""
    first, second = (NodeProcess(tmp_path_factory.mktemp("forks"), difficulty=2) for _ in range(2))
    second.get("/mine")
    address = second.url.removeprefix("http://")
    first.post("/nodes/register", {"nodes": [address]})
    first.get("/nodes/resolve")
    yield first, second
    first.kill()
    second.kill()


def outgrow(first: NodeProcess, second: NodeProcess) -> None:
    """The first mines a block with a transaction in it; the second mines two, and is followed."""
    first.post("/transactions/new", {"sender": "erin", "recipient": "frank", "amount": 7})
    first.get("/mine")
    while second.get("/chain").json()["length"] <= first.get("/chain").json()["length"]:
        second.get("/mine")
    assert first.get("/nodes/resolve").json()["message"] == "Our chain was replaced"


def go(page: Page, node: NodeProcess, path: str) -> None:
    page.goto(node.url + path)
    wait_until_live(page)


def test_what_a_reorganisation_shows_breaks_no_rule_of_access(
    two: tuple[NodeProcess, NodeProcess], visit: Visit
) -> None:
    """Pages that a node without one does not have; the others are in test_accessibility."""
    first, second = two
    first.get("/mine")
    stale = first.get("/blocks?as=json").json()["blocks"][0]["hash"]
    outgrow(first, second)
    page = visit(first, path="/forks").page
    journal = page.locator("main a[href*='/reorganisation/']").first.get_attribute("href")
    broken = {}
    for path in ("/forks", journal, f"/block/{stale}"):
        page.goto(f"{first.url}{path}")
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            if found := violations(page):
                broken[path, theme] = found
    assert broken == {}
    assert "stale" in page.locator("main").inner_text().lower()


def test_a_reorganisation_is_told_on_any_page_and_leads_to_its_own(
    two: tuple[NodeProcess, NodeProcess], visit: Visit
) -> None:
    first, second = two
    watched = visit(first, path="/charts")
    page = watched.page
    wait_until_live(page)
    outgrow(first, second)
    banner = page.locator("#reorganised")
    expect(banner).to_contain_text("The chain was reorganised")
    expect(banner).to_contain_text("1 block left the chain")
    banner.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("The chain was reorganised")
    expect(page.locator("#touched")).to_contain_text("returned by a reorganisation")
    wait_until_live(page)
    first.get("/mine")
    expect(page.locator("#touched")).to_contain_text(re.compile(r"in block \d+"))


def test_the_banner_is_taken_away_by_its_reader(
    two: tuple[NodeProcess, NodeProcess], visit: Visit
) -> None:
    first, second = two
    page = visit(first).page
    wait_until_live(page)
    outgrow(first, second)
    page.locator("#reorganised button").click()
    expect(page.locator("#reorganised")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "main"


def test_tree_and_journal_follow_without_a_reload(
    two: tuple[NodeProcess, NodeProcess], visit: Visit
) -> None:
    first, second = two
    watched = visit(first, path="/forks")
    page = watched.page
    wait_until_live(page)
    loads, entries = watched.loads, page.locator(".journal li").count()
    branches = page.locator(".tree .stale").count()
    outgrow(first, second)
    expect(page.locator(".journal li")).to_have_count(entries + 1)
    assert page.locator(".tree .stale").count() > branches
    assert watched.loads == loads


def test_peers_are_registered_and_resolved_in_place(
    two: tuple[NodeProcess, NodeProcess], visit: Visit
) -> None:
    first, _ = two
    watched = visit(first, path="/peers")
    watched.expect("422")  # the browser logs the refusal itself
    page = watched.page
    wait_until_live(page)
    loads = watched.loads
    field = page.locator("#address")
    field.fill("ftp://no")
    field.press("Enter")
    expect(page.locator("#address-error")).not_to_be_empty()
    expect(field).to_have_value("ftp://no")
    field.fill("127.0.0.1:9099")
    field.press("Enter")
    expect(page.locator("#peers")).to_contain_text("not asked yet")
    expect(field).to_have_value("")
    page.get_by_role("button", name="Resolve now").click()
    expect(page.locator("[data-outcomes]")).to_contain_text("127.0.0.1:9099: nothing listens there")
    expect(page.locator("#peers")).to_contain_text("unreachable")
    assert watched.loads == loads


def test_what_the_network_does_is_shown_without_an_event(
    two: tuple[NodeProcess, NodeProcess], visit: Visit
) -> None:
    """Frames as `NetworkProgress` makes them (tests/live) come in over the page's own socket."""
    first, _ = two
    watched = visit(first)
    page, sockets = watched.page, []

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(server.send)
        server.on_message(socket.send)
        sockets.append(socket)

    page.route_web_socket("**/ws/**", between)

    def tell(revision: int, *ways: dict[str, Any]) -> None:
        counts = first.get("/peers?as=json").json()["counts"]
        data = {"catching_up": ways, "peers": counts, "revision": revision}
        sockets[-1].send(json.dumps({"kind": "network", "data": data}))

    go(page, first, "/")
    wait_until_live(page)  # what the node itself tells first would end what is told here
    strip, bar = page.locator("#catching-up"), page.locator("#catching-up progress")
    expect(strip).to_be_hidden()
    places = "Array.from(document.querySelectorAll('.card, .panel'), (e) => e.offsetTop)"
    before = page.evaluate(places)
    way = {"address": "10.0.0.9:1", "received": 61_000, "expected": 100_000, "rate": 8200}
    tell(0, way)
    expect(strip).to_contain_text("Catching up with 10.0.0.9:1")
    expect(strip).to_contain_text("61,000 of 100,000 blocks, 8,200 a second")
    assert bar.evaluate("(bar) => bar.value / bar.max") == pytest.approx(0.61)
    expect(page.locator("#announcer")).to_have_text("Catching up with 10.0.0.9:1: 100,000 blocks.")
    assert page.evaluate(places) == before
    assert violations(page) == []
    tell(0, way | {"expected": 0})
    expect(strip).to_contain_text("61,000 blocks, 8,200 a second")
    assert not bar.evaluate("(bar) => bar.hasAttribute('value')")
    tell(0)
    expect(strip).to_be_hidden()

    with page.expect_response(lambda answer: answer.request.resource_type == "fetch"):
        go(page, first, "/peers")  # which looks once more when the connection is there
    loads, address = watched.loads, page.locator("#address")
    address.fill("half typ")
    change = "UPDATE ledger_peer SET kind = 'ours', version = '9.8.7'"
    databases.rows(first.data / "chain.sqlite3", change)
    tell(0)
    tell(1)
    expect(page.locator("#peers")).to_contain_text("chainsite 9.8.7")
    expect(address).to_be_focused()
    expect(address).to_have_value("half typ")
    assert watched.loads == loads


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_charts_are_drawn_in_either_theme_and_grow(
    two: tuple[NodeProcess, NodeProcess], visit: Visit, scheme: str
) -> None:
    first, _ = two
    for _ in range(3):
        first.get("/mine")
    page = visit(first, path="/charts?range=50", color_scheme=scheme).page
    wait_until_live(page)
    expect(page.locator(".canvas canvas")).to_have_count(4)
    page.locator("[data-chart=supply] .u-over").hover()
    expect(page.locator("[data-chart=supply] [data-reading]")).to_contain_text("Coins")
    first.get("/mine")
    height = first.get("/chain").json()["length"]
    table = page.locator("[data-chart=supply] table")
    expect(page.locator("#charts-now")).to_have_text(f"{height:,}")
    assert table.count() == 1


def test_without_scripts_all_of_it_reads(
    two: tuple[NodeProcess, NodeProcess], visit: Visit
) -> None:
    first, second = two
    for _ in range(2):  # each chart has two points at least, whatever ran before
        outgrow(first, second)
    page = visit(first, path="/charts", java_script_enabled=False).page
    assert page.locator(".canvas polyline").count() >= 3
    page.goto(first.url + "/peers")
    page.locator("#address").fill("127.0.0.1:9001")
    page.get_by_role("button", name="Register the peer").click()
    expect(page.locator(".notice")).to_contain_text("Registered: 1.")
    page.get_by_role("button", name="Resolve now").click()
    expect(page.locator(".notice")).to_contain_text("Our chain stays.")
