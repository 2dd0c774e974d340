"""The page loses its connection, says so, comes back, and has missed nothing."""

from __future__ import annotations

import os
import shutil
import signal

import pytest
from playwright.sync_api import expect

from tests import databases
from tests.live.wire import write_refusals

from .reading import (
    blocks,
    news,
    news_numbers,
    tip,
    transactions,
    wait_for_tip,
    wait_until_live,
)


@pytest.fixture
def node(frail_node):
    return frail_node


@pytest.fixture
def seen(visit, node):
    seen = visit(node, of_its_own=True)
    # What the browser itself logs of a connection it lost.
    seen.expect("WebSocket connection to", "ERR_CONNECTION")
    wait_until_live(seen.page)
    return seen


def come_back_now(page):
    """Or be back already: the button is of no use then, and does no harm."""
    press_now(page)
    wait_until_live(page)


def press_now(page):
    page.evaluate("document.querySelector('#connection button').click()")


def test_after_a_lost_connection_it_shows_what_it_missed_once_each_and_in_order(node, seen):
    page = seen.page
    node.get("/mine")
    wait_for_tip(page, 2)
    numbers = news_numbers(page)

    node.kill()
    expect(page.locator("#connection")).to_contain_text("Reconnecting in")
    done = node.manage("mine", "3")  # the chain grows, and nobody tells the page
    assert done.returncode == 0, done.stdout
    assert blocks(page) == [1, 2]
    node.start()
    node.post("/transactions/new", {"sender": "alice", "recipient": "bob", "amount": 5})
    wait_until_live(page)
    wait_for_tip(page, 5)
    expect(page.locator("#transactions tr")).to_have_count(1)

    assert blocks(page) == [1, 2, 3, 4, 5]
    assert transactions(page) == [("alice", "bob", "5", "pending")]
    after = news_numbers(page)
    assert after == sorted(set(after), reverse=True), "twice, or out of order"
    assert after[-len(numbers) :] == numbers
    assert sum("Mined block" in line for line in news(page)) == 4
    assert seen.loads == 1


def test_a_page_that_was_away_for_long_gets_a_snapshot(node, seen):
    page, before = seen.page, tip(seen.page)
    newest = news_numbers(page)[0]
    node.kill()
    write_refusals(node, [f"reason {number}" for number in range(401)])
    node.start()
    come_back_now(page)
    node.get("/mine")
    wait_for_tip(page, before + 1)

    assert news(page)[2] == "Refused the chain of p:1reason 400"
    assert len(news(page)) == 20
    assert news_numbers(page)[0] > newest + 401
    assert seen.loads == 1


def test_a_connection_that_says_nothing_is_given_up(node, seen):
    """The node is stopped in its tracks: the socket stays open and silent."""
    page = seen.page
    page.clock.install()
    page.reload()
    wait_until_live(page)
    os.kill(node.process.pid, signal.SIGSTOP)
    try:
        page.clock.fast_forward(39_000)
        expect(page.locator("#connection")).to_have_attribute("data-state", "live")
        page.clock.fast_forward(2_000)
        expect(page.locator("#connection")).to_contain_text("Reconnecting in")
    finally:
        os.kill(node.process.pid, signal.SIGCONT)
    page.clock.run_for(2_000)
    wait_until_live(page)


def test_after_several_failures_it_says_that_it_is_offline_and_can_be_hurried(node, seen):
    page = seen.page
    page.clock.install()
    page.reload()
    wait_until_live(page)
    node.kill()
    pill = page.locator("#connection")
    expect(pill).to_have_attribute("data-state", "waiting")
    page.click("#connection button")
    while pill.get_attribute("data-state") != "offline":
        press_now(page)
    expect(pill).to_contain_text("Offline, trying in")

    node.start()
    come_back_now(page)


def test_another_node_in_its_place_replaces_all_that_was_shown(node, seen):
    page = seen.page
    node.kill()
    databases.remove(node.data / "chain.sqlite3")
    shutil.rmtree(node.data)
    databases.make(node.data / "chain.sqlite3")
    node.start()
    more_events_than_it_has_seen = int(page.locator("main").get_attribute("data-seq")) + 3
    write_refusals(node, ["no"] * more_events_than_it_has_seen)
    node.get("/mine")
    come_back_now(page)
    wait_for_tip(page, 2)

    shown = page.eval_on_selector_all("#chain .hash", "all => all.map((one) => one.title)")
    chain = node.get("/chain").json()["chain"]
    assert shown[0] == chain[1]["previous_hash"]
    assert blocks(page) == [1, 2]
    assert transactions(page) == []
