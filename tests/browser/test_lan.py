"""Plain http under a name of the local network: no secure context, so no clipboard of the browser's
and no notifications. What a page does must do without."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from .conftest import LAN_NAME
from .reading import wait_until_live


@pytest.fixture
def page(visit, shared_node):
    seen = visit(SimpleNamespace(url=f"http://{LAN_NAME}:{shared_node.port}"))
    seen.expect("Cross-Origin-Opener-Policy header has been ignored")  # it is for https
    wait_until_live(seen.page)
    assert not seen.page.evaluate("isSecureContext")
    assert seen.page.evaluate("navigator.clipboard === undefined")
    return seen.page


def test_copying_and_the_check_of_a_block_work(page, shared_node):
    digest = shared_node.get("/block/1?as=json").json()["this"]["hash"]
    page.goto(page.url + "block/1")
    expect(page.locator("#check[data-checked]")).to_have_count(1)
    page.click(".whole-hash .copy")
    expect(page.locator(".whole-hash .copy")).to_have_text("Copied")
    page.focus("#search")
    page.keyboard.press("Control+v")
    assert page.input_value("#search") == digest


def test_times_tick(page, shared_node):
    shared_node.get("/mine")
    newest = page.locator("#chain .block time").last
    expect(newest).to_have_text("just now")
    expect(newest).to_have_text("2 s ago")


def test_following_says_that_it_is_on_the_page_only(page):
    page.goto(page.url + "address/0")
    page.click("[data-follow]")
    expect(page.locator(".follow .said")).to_contain_text("need https or localhost")
    expect(page.locator("[data-follow]")).to_have_attribute("aria-pressed", "true")
