"""Every page, in both themes, passes axe; all of it can be done with the keys alone."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from .reading import wait_until_live

AXE = Axe()
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
    "preload": False,  # or it writes a sheet of its own into the page, against its policy
}
PAGES = [
    "/",
    "/kiosk",
    "/blocks",
    "/block/1",
    "/block/2",
    "/block/999999",
    "/tx/{id}",
    "/tx/{hash}/1",
    "/address/alice",
    "/address/nobody",
    "/pool",
    "/forks",
    "/peers",
    "/charts",
    "/api/docs/live",
    "/api/docs/live/try",
    "/api/docs",
    "/search?q=al",
    "/search?q=nothing-at-all",
    "/nowhere",
]


@pytest.fixture(scope="module")
def node(shared_node):
    """With something on each page."""
    values = {"sender": "alice", "recipient": "밥", "amount": 5}
    shared_node.first = shared_node.post("/transactions/new", values).json()["id"]
    shared_node.get("/mine")
    shared_node.post("/transactions/new", {**values, "amount": 6})
    return shared_node


def violations(page):
    """Each as its rule and where it is broken."""
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE.axe_script)
    # Not `AXE.run`: what it hands over of the rules that hold takes longer than to check them.
    found = page.evaluate("(rules) => axe.run(rules).then(({ violations }) => violations)", RULES)
    return [(v["id"], [n["html"][:140] for n in v["nodes"]][:3]) for v in found]


SCREENS = (("light", 1280), ("dark", 360))
CHANGED = """() => Promise.allSettled(document.getAnimations()
  .filter((one) => one instanceof CSSTransition).map((one) => one.finished))"""


def broken_on_any_screen(page, but=frozenset()):
    """What is broken on the page as it is, by theme and width."""
    broken = {}
    for theme, width in SCREENS:
        page.emulate_media(color_scheme=theme)
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate(CHANGED)  # from one theme's colours to the other's
        found = [(rule, where) for rule, where in violations(page) if rule not in but]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(("wider than the screen", []))
        if found:
            broken[theme, width] = found
    return broken


@pytest.fixture(scope="module")
def addresses(node):
    tip = node.get("/chain").json()["chain"]
    return {"id": node.first, "hash": tip[-1]["previous_hash"]}


@pytest.mark.parametrize("paths", [PAGES[::2], PAGES[1::2]], ids=["half", "others"])
def test_no_page_breaks_a_rule_of_access_or_is_wider_than_the_screen(visit, node, addresses, paths):
    filled = [path.format(**addresses) for path in paths]
    seen = visit(node, path=filled[0])
    seen.expect("status of 404")
    broken = {}
    for path in filled:
        if path != filled[0]:
            seen.page.goto(node.url + path)
        broken |= {
            (path, *screen): found for screen, found in broken_on_any_screen(seen.page).items()
        }
    assert broken == {}


def test_the_dialog_and_the_errors_of_a_form_break_none_either(visit, node):
    seen = visit(node)
    seen.expect("status of 422")
    page = seen.page
    page.click("text=Add to the pool")
    expect(page.locator("#amount-error")).not_to_be_empty()
    assert violations(page) == []
    page.click("#keys")
    assert violations(page) == []


def test_with_the_keys_alone_a_transaction_is_sent_and_mined(visit, node):
    page = visit(node).page
    wait_until_live(page)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()

    def tab_to(selector):
        for _ in range(60):
            if page.evaluate("(s) => document.activeElement.matches(s)", selector):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"Tab never came to {selector}")

    for field, text in (("#sender", "keys"), ("#recipient", "alone"), ("#amount", "3")):
        tab_to(field)
        page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.locator("#transactions tr").first).to_contain_text("keys")
    tab_to("[data-form=mine] button")
    ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid", "the focus cannot be seen"
    page.keyboard.press("Enter")
    expect(page.locator("#transactions .state").first).to_contain_text("in block")


def test_the_keys_lead_around_and_are_listed(visit, node):
    page = visit(node).page
    wait_until_live(page)
    page.keyboard.press("?")
    expect(page.locator("#keys-dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    page.wait_for_function("document.activeElement === document.body")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("1/2?t")
    expect(page.locator("#search")).to_have_value("1/2?t")

    page.goto(node.url + "/block/1")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**/block/2")
    page.keyboard.press("ArrowLeft")
    page.wait_for_url("**/block/1")
    page.focus("#search")
    page.keyboard.press("ArrowRight")
    assert page.url.endswith("/block/1")
