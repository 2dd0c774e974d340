"""Without scripts the page reads completely, and its forms work."""

from __future__ import annotations

import pytest

from .reading import blocks, news, pool, tip, transactions


@pytest.fixture
def page(visit, shared_node):
    seen = visit(shared_node, java_script_enabled=False)
    seen.expect("status of 422")  # the browser logs each answer that is not good
    return seen.page


def test_it_shows_where_things_stand(page, shared_node):
    shared_node.post("/transactions/new", {"sender": "alice", "recipient": "bob", "amount": 5})
    mined = shared_node.get("/mine").json()
    shared_node.post("/transactions/new", {"sender": "carol", "recipient": "bob", "amount": 6})
    page.reload()

    assert tip(page) == blocks(page)[-1] == mined["index"]
    assert transactions(page)[0] == ("carol", "bob", "6", "pending")
    assert transactions(page)[1] == ("alice", "bob", "5", f"in block {mined['index']}")
    assert news(page)[0].startswith(f"Mined block {mined['index']}")
    assert page.locator("#connection").inner_text().startswith("As of ")


def test_a_transaction_is_sent_and_the_page_comes_back_with_word_of_it(page):
    waiting = pool(page)
    for name, value in (("sender", "앨리스"), ("recipient", "bob"), ("amount", "7")):
        page.fill(f"#{name}", value)
    page.click("text=Add to the pool")

    assert page.url.endswith("/")
    assert page.locator(".notice").inner_text().startswith("Accepted.")
    assert pool(page) == waiting + 1
    assert transactions(page)[0] == ("앨리스", "bob", "7", "pending")
    page.reload()
    assert page.locator(".notice").count() == 0
    assert pool(page) == waiting + 1


def test_what_is_wrong_stands_beside_the_field_and_the_input_stays(page):
    for name, value in (("sender", "alice"), ("recipient", ""), ("amount", "many")):
        page.fill(f"#{name}", value)
    page.click("text=Add to the pool")

    assert page.locator("#recipient-error").inner_text() == "Must not be empty"
    assert page.locator("#amount-error").inner_text() == "Must be an integer"
    assert page.locator("#sender-error").inner_text() == ""
    assert (page.input_value("#sender"), page.input_value("#amount")) == ("alice", "many")


def test_a_block_is_mined(page):
    before = tip(page)
    page.get_by_role("button", name="Mine block").click()

    assert (
        page.locator(".notice").inner_text() == f"The search for block {before + 1} is asked for."
    )
    for _ in range(50):
        page.reload()
        if tip(page) == before + 1:
            break
    assert tip(page) == before + 1


def test_a_search_under_way_shows_and_can_be_cancelled(visit, hard_node):
    page = visit(hard_node, java_script_enabled=False).page
    page.get_by_role("button", name="Mine block").click()
    for _ in range(60):  # a search gives way to all others
        page.wait_for_timeout(300)
        page.reload()
        if page.locator("#mining [data-slot=tries]").inner_text() != "0 tries":
            break
    assert page.locator("#mining [data-slot=tries]").inner_text() != "0 tries"
    page.click("text=Cancel the search")

    assert page.locator(".notice").inner_text() == "The search was cancelled."
    assert page.get_by_role("button", name="Mine block").count() == 1
