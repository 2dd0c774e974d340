"""The page loses its connection, says so, comes back, and has missed nothing."""

from __future__ import annotations

import os
import shutil
import signal

from playwright.sync_api import expect

from .reading import blocks, news, news_numbers, transactions, wait_for_tip, wait_until_live

LOST = ("WebSocket connection to", "ERR_CONNECTION_REFUSED")


def test_after_a_lost_connection_it_shows_what_it_missed_once_each_and_in_order(
    visit, node_process
):
    node = node_process(difficulty=2)
    seen = visit(node)
    seen.expect(*LOST)
    page = seen.page
    wait_until_live(page)
    node.get("/mine")
    wait_for_tip(page, 2)
    numbers = news_numbers(page)

    node.kill()
    expect(page.locator("#connection")).to_contain_text("Reconnecting in")
    done = node.manage("mine", "3")  # the chain grows, and nobody tells the page
    assert done.returncode == 0, done.stderr
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
    assert sum("block" in line for line in news(page)) == 4
    assert seen.loads == 1


def test_a_page_that_was_away_for_long_gets_a_snapshot(visit, node_process):
    node = node_process(difficulty=1)
    seen = visit(node)
    seen.expect(*LOST)
    page = seen.page
    wait_until_live(page)
    node.kill()
    assert node.manage("mine", "410").returncode == 0
    node.start()
    wait_until_live(page)
    wait_for_tip(page, 411)

    assert blocks(page) == list(range(402, 412))
    assert len(news(page)) == 20
    node.get("/mine")
    wait_for_tip(page, 412)
    assert seen.loads == 1


def test_another_node_in_its_place_replaces_all_that_was_shown(visit, node_process):
    node = node_process(difficulty=2)
    for _ in range(3):
        node.get("/mine")
    seen = visit(node)
    seen.expect(*LOST)
    page = seen.page
    wait_until_live(page)
    node.kill()
    shutil.rmtree(node.data)
    node.start()
    for _ in range(5):  # more events than the page has seen: the number alone would not tell
        node.get("/mine")
    wait_until_live(page)
    wait_for_tip(page, 6)

    shown = page.eval_on_selector_all("#chain .hash", "all => all.map((one) => one.title)")
    stored = [block["previous_hash"] for block in node.get("/chain").json()["chain"]][1:]
    assert shown[:-1] == stored
    assert len(news_numbers(page)) == 6


def test_a_connection_that_says_nothing_is_given_up(visit, node_process):
    """The node is stopped in its tracks: the socket stays open and silent."""
    node = node_process(difficulty=2)
    seen = visit(node)
    seen.expect(*LOST)
    page = seen.page
    wait_until_live(page)
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


def test_after_several_failures_it_says_that_it_is_offline_and_can_be_hurried(visit, node_process):
    node = node_process(difficulty=2)
    seen = visit(node)
    seen.expect(*LOST)
    page = seen.page
    page.clock.install()
    page.reload()
    wait_until_live(page)
    node.kill()
    pill = page.locator("#connection")
    expect(pill).to_have_attribute("data-state", "waiting")
    for _ in range(5):
        with page.expect_event("websocket"):
            page.click("#connection button")
        page.wait_for_function("document.getElementById('connection').dataset.state != 'connecting'")
    expect(pill).to_contain_text("Offline, trying in")

    node.start()
    page.click("#connection button")
    wait_until_live(page)
