"""The page follows the node, without being loaded again."""

from __future__ import annotations

import socket
from contextlib import closing

from playwright.sync_api import expect

from .reading import (
    blocks,
    everything,
    news,
    pool,
    tip,
    transactions,
    wait_for_pool,
    wait_for_tip,
    wait_until_live,
)


def test_a_sent_transaction_and_a_mined_block_appear_without_a_reload(visit, shared_node):
    seen = visit(shared_node)
    page, before, waiting = seen.page, tip(seen.page), pool(seen.page)

    page.fill("#sender", "alice")
    page.fill("#recipient", "밥")
    page.fill("#amount", "1200")
    page.click("text=Add to the pool")
    wait_for_pool(page, waiting + 1)
    assert transactions(page)[0] == ("alice", "밥", "1,200", "pending")
    expect(page.locator(".send .said")).to_contain_text("Accepted")
    assert page.input_value("#sender") == ""

    page.get_by_role("button", name="Mine block").click()
    wait_for_tip(page, before + 1)
    expect(page.locator("#transactions .state").first).to_have_text(f"in block {before + 1}")
    assert blocks(page)[-1] == before + 1
    assert news(page)[0] == f"Mined block {before + 1} with {waiting + 2} transactions"
    wait_for_pool(page, 0)
    expect(page).to_have_title(f"#{before + 1} · chainsite")
    assert seen.loads == 1


def test_what_others_send_and_mine_appears_too(visit, shared_node):
    seen = visit(shared_node)
    page, before = seen.page, tip(seen.page)
    wait_until_live(page)
    shared_node.get("/mine")
    wait_for_tip(page, before + 1)

    for amount in (1, 2**63 - 1):
        values = {"sender": "carol", "recipient": "dave", "amount": amount}
        shared_node.post("/transactions/new", values)
    wait_for_pool(page, 2)
    assert transactions(page)[:2] == [
        ("carol", "dave", "9,223,372,036,854,775,807", "pending"),
        ("carol", "dave", "1", "pending"),
    ]
    mined = [shared_node.get("/mine").json()["index"] for _ in range(3)]
    wait_for_tip(page, mined[-1])

    assert blocks(page)[-3:] == mined
    assert [row[3] for row in transactions(page)[:2]] == [f"in block {mined[0]}"] * 2
    assert seen.loads == 1


def test_what_arrived_reads_as_on_a_page_opened_now(visit, shared_node):
    """Rows that arrive and rows of the server are the same to the letter."""
    page = visit(shared_node).page
    wait_until_live(page)
    for round_of in range(12):
        for number in range(round_of % 3):
            name = "6b4f1c2d3e4f5a6b7c8d9e0f1a2b851e" if number else "앨리스"
            values = {"sender": name, "recipient": "r", "amount": 10**number}
            shared_node.post("/transactions/new", values)
        last = shared_node.get("/mine").json()["index"]
    with closing(socket.create_server(("127.0.0.1", 0))) as nobody:
        address = "{}:{}".format(*nobody.getsockname())
    assert shared_node.post("/nodes/register", {"nodes": [address]}).status_code == 201
    shared_node.get("/nodes/resolve")
    shared_node.post("/transactions/new", {"sender": "z", "recipient": "r", "amount": 0})
    wait_for_tip(page, last)
    wait_for_pool(page, 1)
    expect(page.locator("#news li").first).to_contain_text("Refused")
    page.wait_for_selector("#mining:not([data-searching])")

    fresh = visit(shared_node).page
    wait_until_live(fresh)

    assert len(blocks(page)) == 10
    assert everything(page) == everything(fresh)


def test_a_form_that_cannot_be_sent_says_why_beside_each_field_and_keeps_the_input(
    visit, shared_node
):
    seen = visit(shared_node)
    seen.expect("status of 422")  # the browser logs each answer that is not good
    page, waiting = seen.page, pool(seen.page)
    page.fill("#sender", "0")
    page.fill("#recipient", "")
    page.fill("#amount", "1.5")
    page.click("text=Add to the pool")

    expect(page.locator("#sender-error")).to_contain_text("reward for mining")
    expect(page.locator("#recipient-error")).to_have_text("must not be empty")
    expect(page.locator("#amount-error")).to_have_text("must be an integer")
    expect(page.locator("#sender")).to_be_focused()
    assert [page.input_value(f"#{name}") for name in ("sender", "recipient", "amount")] == [
        "0",
        "",
        "1.5",
    ]
    for name, value in (("sender", "alice"), ("recipient", "bob"), ("amount", "2")):
        page.fill(f"#{name}", value)
    page.click("text=Add to the pool")
    wait_for_pool(page, waiting + 1)

    assert page.locator(".error").all_text_contents() == ["", "", ""]
    assert page.locator("[aria-invalid]").count() == 0
    assert seen.loads == 1


def test_two_clicks_add_a_transaction_once(visit, shared_node):
    """The answer to the first was lost: the form is sent again, with the key it had."""
    seen = visit(shared_node)
    seen.expect("ERR_FAILED")
    page, waiting = seen.page, pool(seen.page)
    lost = []

    def lose_the_answer(route):
        lost.append(route.fetch().status)
        route.abort()

    page.route("**/transactions", lose_the_answer, times=1)
    for name, value in (("sender", "alice"), ("recipient", "bob"), ("amount", "2")):
        page.fill(f"#{name}", value)
    page.click("text=Add to the pool")
    expect(page.locator(".send .said")).to_contain_text("did not answer")
    wait_for_pool(page, waiting + 1)
    page.click("text=Add to the pool")
    expect(page.locator(".send .said")).to_contain_text("Accepted")
    shared_node.post("/transactions/new", {"sender": "z", "recipient": "r", "amount": 0})
    wait_for_pool(page, waiting + 2)

    assert lost == [201]


def test_a_search_shows_its_tries_and_can_be_cancelled(visit, hard_node):
    seen = visit(hard_node)
    page = seen.page
    wait_until_live(page)
    assert page.locator("#mining .figures").is_hidden()
    page.get_by_role("button", name="Mine block 2").click()
    page.wait_for_selector("#mining[data-searching]")
    tries = page.locator("#mining [data-slot=tries]")
    expect(tries).not_to_have_text("0 tries")
    first = int(tries.inner_text().split()[0].replace(",", ""))
    expect(tries).not_to_have_text(f"{first:,} tries")

    second = int(tries.inner_text().split()[0].replace(",", ""))
    assert second > first > 0
    assert "tries/s" in page.locator("#mining [data-slot=rate]").inner_text()
    assert "One try in 4,294,967,296 succeeds" in page.locator("#mining").inner_text()
    assert page.get_by_role("button", name="Mine block").count() == 0, "it could be started twice"
    page.click("text=Cancel the search")
    page.wait_for_selector("#mining:not([data-searching])")
    assert page.locator("#next").get_attribute("data-searching") is None
    assert tip(page) == 1
    assert seen.loads == 1


def test_a_reorganisation_shows_without_a_reload(visit, node_process):
    ours, theirs = node_process(difficulty=2), node_process(difficulty=2)
    ours.post("/transactions/new", {"sender": "alice", "recipient": "bob", "amount": 5})
    ours.get("/mine")
    for _ in range(3):
        theirs.get("/mine")
    seen = visit(ours)
    page = seen.page
    wait_until_live(page)
    assert (blocks(page), transactions(page)[0][3]) == ([1, 2], "in block 2")
    before = page.locator("#chain .hash").all_text_contents()

    ours.post("/nodes/register", {"nodes": [theirs.url]})
    ours.get("/nodes/resolve")
    wait_for_tip(page, 4)

    address = theirs.url.removeprefix("http://")
    assert blocks(page) == [1, 2, 3, 4]
    assert not set(before) & set(page.locator("#chain .hash").all_text_contents())
    assert set(page.locator("#chain .from").all_text_contents()) == {f"from {address}"}
    expect(page.locator("#transactions .state").first).to_have_text("returned by a reorganisation")
    assert news(page)[0] == (
        "Reorganised 2 blocks left the chain, 4 blocks came in from block 1 on;"
        f" 1 transaction back in the pool. Source: {address}"
    )
    assert pool(page) == 1
    ours.get("/mine")
    expect(page.locator("#transactions .state").first).to_have_text("in block 5")
    assert seen.loads == 1
