"""The admin in a real browser: under the policy, in both themes, with hostile texts in it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .test_accessibility import violations
from .test_hostile_text import NAMES

PAGES = [
    "/admin/",
    "/admin/node/",
    "/admin/node/mine/",
    "/admin/node/make-token/",
    "/admin/ledger/block/",
    "/admin/ledger/block/2/change/",
    "/admin/ledger/transaction/",
    "/admin/ledger/peer/1/change/",
    "/admin/admin/logentry/",
    "/admin/auth/user/1/change/",
]
# Faults of widgets that Django's scripts build.
DJANGOS = {("/admin/auth/user/1/change/", rule) for rule in ("aria-prohibited-attr", "label")}
HIDDEN = re.compile("[\u200b\u200f\u2028-\u202e\u2060\u2066-\u2069\u061c\ufeff]")


@pytest.fixture(scope="module")
def operated(shared_node):
    """The node, with an account, and with every hostile name in a block."""
    shared_node.password = shared_node.manage("adminpassword").stdout.split()[-1]
    for start in range(0, len(NAMES), 12):
        for name in NAMES[start : start + 12]:
            value = {"sender": name, "recipient": name, "amount": 1}
            assert shared_node.post("/transactions/new", value).status_code == 201
        shared_node.get("/mine")
    shared_node.post("/nodes/register", {"nodes": ["127.0.0.1:5999"]})
    return shared_node


def sign_in(visit, node, path, **options):
    """Open a page as the operator: by the form the first time, by what it gave after that."""
    known = getattr(node, "session", None)
    page = visit(
        node, lambda page: page.context.add_cookies(known or []), path=path, **options
    ).page
    if known is None:
        page.fill("#id_username", "admin")
        page.fill("#id_password", node.password)
        page.click("[type=submit]")
        page.wait_for_url(f"**{path}")
        node.session = page.context.cookies()
    return page


def test_hostile_texts_are_text_with_nothing_hidden(visit, operated):
    lists = ("/admin/ledger/transaction/", "/admin/ledger/address/")
    page = sign_in(visit, operated, lists[0])
    shown = []
    for path in lists:
        page.goto(operated.url + path)
        shown += page.locator("#result_list bdi[title]").evaluate_all(
            "elements => elements.map((e) => [e.title, e.childElementCount])"
        )
    titles = {title for title, _ in shown}
    for name in NAMES:
        assert HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", name) in titles, name
    assert not [title for title in titles if HIDDEN.search(title)]
    assert {count for _, count in shown} == {0}
    path = page.locator("#result_list th a").first.get_attribute("href")
    page.goto(operated.url + path)
    expect(page.locator("h1")).to_have_count(1)
    block = operated.get("/chain").json()["length"]
    page.goto(f"{operated.url}/admin/ledger/block/{block}/change/")
    expect(page.locator(".holds")).to_contain_text("matches")
    assert page.locator("pre.bytes *").count() == 0
    page.goto(operated.url + "/admin/ledger/event/?kind=transaction")
    assert page.locator("#result_list script, #result_list img").count() == 0


def test_what_is_typed_into_a_form_comes_back_as_text(visit, operated):
    page = sign_in(visit, operated, "/admin/node/add-peer/")
    for name in NAMES[:4]:
        page.goto(operated.url + "/admin/node/add-peer/")
        page.fill("[name=address]", name)
        page.click("#act-form [type=submit]")
        expect(page.locator(".messagelist .error")).to_contain_text(name[:20])
        assert page.locator(".messagelist li *").count() == 0


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_no_page_breaks_a_rule_of_access_or_is_wider_than_the_screen(visit, operated, theme, width):
    screen = {"color_scheme": theme, "viewport": {"width": width, "height": 900}}
    page = sign_in(visit, operated, PAGES[0], **screen)
    broken = {}
    for path in PAGES:
        assert page.goto(operated.url + path).status == 200, path
        found = [(rule, where) for rule, where in violations(page) if (path, rule) not in DJANGOS]
        if found:
            broken[path] = found
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            broken.setdefault(path, []).append("wider than the screen")
    assert broken == {}


def test_an_act_is_seen_under_way_and_done(visit, hard_node):
    """A search that does not end, cancelled from another page; the first one shows both."""
    hard_node.password = hard_node.manage("adminpassword").stdout.split()[-1]
    page = sign_in(visit, hard_node, "/admin/node/mine/")
    page.click("#act-form [type=submit]")
    page.wait_for_url("**/admin/node/")
    expect(page.locator("#now-acts tr.running")).to_contain_text("Mine blocks")
    other = page.context.new_page()
    other.goto(hard_node.url + "/admin/node/cancel-mining/")
    other.click("#act-form [type=submit]")
    expect(other.locator(".messagelist")).to_contain_text("cancelled")
    expect(page.locator("#now-acts tr.running")).to_have_count(0)
    expect(page.locator("#now-acts tr.failed")).to_contain_text("Mine blocks")
