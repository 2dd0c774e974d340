"""The thread of blocks holds still with the rest of the page: paused, or under the pointer."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .reading import blocks, tip, wait_for_tip, wait_until_live


@pytest.fixture
def page(visit, shared_node):
    page = visit(shared_node).page
    wait_until_live(page)
    return page


def mine(node, page, count):
    for _ in range(count):
        mined = node.get("/mine").json()["index"]
    wait_for_tip(page, mined)
    return mined


def test_a_paused_thread_counts_what_is_new_and_catches_up(page, shared_node):
    before = blocks(page)
    page.click("#pause")
    mined = mine(shared_node, page, 2)
    expect(page.locator("#chain-fresh")).to_have_text("2 new blocks: show")
    assert blocks(page) == before
    expect(page.locator("#next h3")).to_have_text(f"{mined + 1:,}")

    page.click("#pause")
    expect(page.locator("#chain-fresh")).to_be_hidden()
    assert blocks(page)[-3:] == [mined - 2, mined - 1, mined]


def test_what_is_held_is_shown_when_asked_for_and_the_pause_goes_on(page, shared_node):
    page.click("#pause")
    mined = mine(shared_node, page, 1)
    page.click("#chain-fresh")
    assert blocks(page)[-1] == mined
    expect(page.locator("#chain-fresh")).to_be_hidden()

    again = mine(shared_node, page, 1)
    expect(page.locator("#chain-fresh")).to_have_text("1 new block: show")
    assert blocks(page)[-1] == mined == again - 1


def test_the_thread_is_held_while_the_pointer_rests_on_it(page, shared_node):
    before = tip(page)
    page.hover("#chain .block >> nth=-1")
    mine(shared_node, page, 1)
    expect(page.locator("#chain-fresh")).to_have_text("1 new block: show")
    assert blocks(page)[-1] == before
    page.hover("#cards .card >> nth=0")
    expect(page.locator("#chain-fresh")).to_be_hidden()
    assert blocks(page)[-1] == before + 1


def test_more_than_the_thread_has_room_for_are_counted_and_the_newest_shown(page, shared_node):
    page.click("#pause")
    before = tip(page)
    done = shared_node.manage("mine", "12")
    assert done.returncode == 0, done.stdout
    wait_for_tip(page, before + 12)
    expect(page.locator("#chain-fresh")).to_have_text("12 new blocks: show")
    page.click("#pause")
    assert blocks(page) == list(range(before + 3, before + 13))


def test_on_the_projectors_page_nothing_is_held(page, shared_node):
    page.goto(shared_node.url + "/kiosk")
    wait_until_live(page)
    page.hover("#chain .block >> nth=-1")
    assert blocks(page)[-1] == tip(page)
    mined = mine(shared_node, page, 1)
    assert blocks(page)[-1] == mined
