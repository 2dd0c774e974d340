"""A followed transaction or address is told of on any page: in words, by the browser, aloud."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .conftest import WHOLE, Contexts
from .reading import wait_until_live

# The real ones, and a note of what is done with them.
NOTE = """
window.notified = [];
window.contexts = [];
window.tones = [];
window.Notification = class extends Notification {
  constructor(title, options) {
    super(title, options);
    window.notified.push(this);
  }
};
window.AudioContext = class extends AudioContext {
  constructor(...options) {
    super(...options);
    window.contexts.push(this);
  }
};
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (when) {
  window.tones.push([this.frequency.value, when, this.context.currentTime]);
  return start.call(this, when);
};
"""
NOTIFIED = "window.notified.map(({ title, body, tag }) => [title, body, tag])"


@pytest.fixture(scope="module")
def chromium(launch):
    """The one with windows: without, there are no notifications to allow."""
    browser = launch(WHOLE)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def contexts(chromium):
    return Contexts(chromium)


@pytest.fixture
def open_page(visit, shared_node):
    def opened(**options):
        page = visit(shared_node, lambda page: page.add_init_script(NOTE), **options).page
        wait_until_live(page)
        return page

    return opened


def send(node, sender, recipient, amount):
    values = {"sender": sender, "recipient": recipient, "amount": amount}
    return node.post("/transactions/new", values).json()["id"]


def follow(page, path):
    page.goto(path)
    page.click("[data-follow]")
    expect(page.locator("[data-follow]")).to_have_attribute("aria-pressed", "true")


def go(page, path):
    page.goto(path)
    wait_until_live(page)


def want_sound(page):
    page.keyboard.press("?")
    page.check("#sound")
    page.keyboard.press("Escape")


def test_a_transaction_is_told_of_by_the_browser_and_by_a_sound(open_page, shared_node):
    node = shared_node
    uid = send(node, "followed", "r", 1)
    page = open_page(permissions=["notifications"])
    follow(page, f"{node.url}/tx/{uid}")
    expect(page.locator(".follow .said")).to_contain_text("here and by the browser")
    want_sound(page)
    assert [tone[0] for tone in page.evaluate("window.tones")] == [660, 880], "no sample of it"
    go(page, node.url + "/peers")
    assert page.evaluate("window.tones") == []

    mined = node.get("/mine").json()["index"]
    told = f"Followed transaction: in block {mined:,}"
    expect(page.locator(".toast")).to_have_text(told)
    expect(page.locator("#announcer")).to_have_text(told)
    assert page.locator(".toast").get_attribute("href") == f"/tx/{uid}"
    assert page.evaluate(NOTIFIED) == [["chainsite", told, f"/tx/{uid}"]]
    assert [tone[0] for tone in page.evaluate("window.tones")] == [660, 880]
    page.wait_for_function("window.contexts.map((one) => one.state).join() === 'running'")
    node.get("/mine")
    page.evaluate("window.notified[0].dispatchEvent(new Event('click'))")
    page.wait_for_url(f"**/tx/{uid}")


def test_an_address_is_told_of_once_for_each_transaction(open_page, shared_node):
    node = shared_node
    send(node, "carol", "carol-the-followed", 1)
    page = open_page(permissions=["notifications"])
    follow(page, node.url + "/address/carol-the-followed")
    go(page, node.url + "/charts")
    first = send(node, "someone", "carol-the-followed", 1200)
    send(node, "someone", "else", 1)
    second = send(node, "carol-the-followed", "carol-the-followed", 2)
    expect(page.locator(".toast")).to_have_count(2)

    assert page.evaluate(NOTIFIED) == [
        ["chainsite", "carol-the-followed: a transaction of 1,200", f"/tx/{first}"],
        ["chainsite", "carol-the-followed: a transaction of 2", f"/tx/{second}"],
    ]
    assert page.evaluate("window.tones") == [], "a sound that nobody asked for"


def test_where_the_browser_does_not_allow_it_the_page_alone_tells(open_page, shared_node):
    node = shared_node
    uid = send(node, "quiet", "r", 1)
    page = open_page()
    follow(page, f"{node.url}/tx/{uid}")
    expect(page.locator(".follow .said")).to_contain_text("the browser does not allow")
    go(page, node.url + "/forks")
    node.get("/mine")
    expect(page.locator(".toast")).to_contain_text("Followed transaction")
    assert page.evaluate(NOTIFIED) == []


def test_what_is_no_longer_followed_is_not_told_of(open_page, shared_node):
    node = shared_node
    page = open_page(permissions=["notifications"])
    uid, other = send(node, "a", "r", 1), send(node, "b", "r", 1)
    follow(page, f"{node.url}/tx/{other}")
    follow(page, f"{node.url}/tx/{uid}")
    page.click("[data-follow]")
    expect(page.locator(".follow .said")).to_have_text("No longer followed.")
    go(page, node.url + "/peers")
    node.get("/mine")
    expect(page.locator(".toast")).to_have_attribute("href", f"/tx/{other}")
