"""The page on a narrow and on a wide screen, and by keyboard."""

from __future__ import annotations

import pytest

from .reading import blocks, tip, wait_for_tip, wait_until_live


@pytest.mark.parametrize("width", [320, 360, 768, 1280, 2400])
@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
def test_it_never_scrolls_sideways_and_begins_at_the_tip(visit, shared_node, width, scripts):
    while len(shared_node.get("/chain").json()["chain"]) < 12:
        shared_node.get("/mine")
    name = "W" * 256
    values = {"sender": name, "recipient": name, "amount": 2**63 - 1}
    shared_node.post("/transactions/new", values)
    size = {"width": width, "height": 800}
    page = visit(shared_node, viewport=size, java_script_enabled=scripts).page
    root = page.locator("html").bounding_box()
    assert root
    widest = max(
        box["x"] + box["width"]
        for part in page.locator("header, main, footer, .card, .panel, #transactions td").all()
        if (box := part.bounding_box())
    )
    last = page.locator("#chain .block").last.bounding_box()
    following = page.locator("#next").bounding_box()

    assert len(blocks(page)) == 10
    assert widest <= width
    assert last["x"] + last["width"] > 0, "the tip is out of sight"
    assert following["x"] + following["width"] <= width
    if scripts:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_gets_everywhere_beginning_with_the_way_past_the_bar(visit, shared_node):
    page = visit(shared_node).page
    wait_until_live(page)
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        focused = page.evaluate("[document.activeElement.id, document.activeElement.innerText]")
        reached.append(focused[0] or focused[1])

    assert reached[0] == "Skip to the content"
    for name in ("Dashboard", "sender", "recipient", "amount", "Add to the pool"):
        assert name in reached
    assert f"Mine block {tip(page) + 1}" in reached


def test_nothing_moves_for_those_who_asked_for_that(visit, shared_node):
    page = visit(shared_node, reduced_motion="reduce").page
    wait_until_live(page)
    before = tip(page)
    shared_node.get("/mine")
    wait_for_tip(page, before + 1)

    assert page.evaluate("document.getAnimations().length") == 0
