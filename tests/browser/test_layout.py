"""The page on a narrow and on a wide screen, and by keyboard."""

from __future__ import annotations

import pytest

from .reading import blocks, tip, wait_for_tip, wait_until_live


@pytest.mark.parametrize("scripts", [True, False], ids=["with-scripts", "without"])
def test_it_never_scrolls_sideways_and_begins_at_the_tip(visit, shared_node, scripts):
    while len(shared_node.get("/chain").json()["chain"]) < 12:
        shared_node.get("/mine")
    name = "W" * 256
    values = {"sender": name, "recipient": name, "amount": 2**63 - 1}
    shared_node.post("/transactions/new", values)
    page = visit(shared_node, java_script_enabled=scripts).page
    assert len(blocks(page)) == 10

    for width in (320, 360, 521, 768, 861, 1280, 2400):
        page.set_viewport_size({"width": width, "height": 800})
        parts = page.locator("header, main, footer, .card, .panel, #transactions tr:first-child td")
        edges = parts.evaluate_all("all => all.map((one) => one.getBoundingClientRect().right)")
        tip_box = page.locator("#chain .block").last.bounding_box()
        next_box = page.locator("#next").bounding_box()

        assert 0 < max(edges) <= width
        assert tip_box["x"] + tip_box["width"] > 0, "the tip is out of sight"
        assert next_box["x"] + next_box["width"] <= width
        if scripts:
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_gets_everywhere_beginning_with_the_way_past_the_bar(visit, shared_node):
    page = visit(shared_node).page
    wait_until_live(page)
    reached = []
    last = f"Mine block {tip(page) + 1}"
    for _ in range(300):  # rows lead somewhere too, and others' tests may have left many
        if last in reached:
            break
        page.keyboard.press("Tab")
        focused = page.evaluate("[document.activeElement.id, document.activeElement.innerText]")
        reached.append(focused[0] or focused[1])

    assert reached[0] == "Skip to the content"
    for name in ("Dashboard", "sender", "recipient", "amount", "Add to the pool"):
        assert name in reached
    assert last in reached


def test_nothing_moves_for_those_who_asked_for_that(visit, shared_node):
    page = visit(shared_node, reduced_motion="reduce").page
    wait_until_live(page)
    before = tip(page)
    shared_node.get("/mine")
    wait_for_tip(page, before + 1)

    assert page.evaluate("document.getAnimations().length") == 0
