"""The page to try the WebSocket: an example client in the browser."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import expect


@pytest.fixture
def node(frail_node):
    return frail_node


@pytest.fixture
def seen(visit, node):
    seen = visit(node, path="/api/docs/live/try", of_its_own=True)
    seen.expect("WebSocket connection to", "ERR_CONNECTION")
    expect(seen.page.locator("#try-frames li").last).to_contain_text("subscribed")
    return seen


def _follow(page, topic):
    page.fill("#try-topic", topic)
    page.keyboard.press("Enter")


def _frames(page):
    """What came, oldest first."""
    texts = page.locator("#try-frames code").all_inner_texts()
    return [json.loads(text) for text in reversed(texts)]


def _numbers(page):
    return [frame["seq"] for frame in _frames(page) if "at" in frame]


def test_topics_are_followed_and_left_and_a_wrong_one_is_explained(seen, node):
    page = seen.page
    for topic in ("blocks", "transactions"):
        page.click(f"button[aria-label='Remove {topic}']")
    _follow(page, "address:a, b")
    expect(page.locator("#try-frames li").first).to_contain_text('"address:a, b"')
    _follow(page, "weather")
    expect(page.locator("#try-error")).to_contain_text("there is no such topic")
    expect(page.locator("#try-chosen li")).to_have_count(1)

    for recipient in ("nobody", "a, b"):
        node.post("/transactions/new", {"sender": "x", "recipient": recipient, "amount": 1})
    expect(page.locator("#try-frames li", has_text='"transaction"')).to_have_count(1)
    expect(page.locator("#try-frames li", has_text='"transaction"')).to_contain_text("a, b")


def test_what_happens_while_the_node_is_away_follows_once_it_is_back(seen, node):
    page = seen.page
    node.post("/transactions/new", {"sender": "x", "recipient": "y", "amount": 1})
    expect(page.locator("#try-frames li").first).to_contain_text("upto")
    node.kill()
    expect(page.locator("#try-state")).to_have_text("connection lost, trying again")
    node.manage("mine")
    node.start()
    page.wait_for_function(
        "() => document.querySelector('#try-frames').textContent.includes('resumed')"
    )
    node.get("/mine")
    expect(page.locator("#try-frames li", has_text='"kind":"block"')).to_have_count(2)

    numbers = _numbers(page)
    assert numbers == sorted(set(numbers))
    assert len(numbers) >= 3
