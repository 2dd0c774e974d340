"""The explorer's pages, live."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from ledger.consensus import SEED, Network
from tests.node import chains

from .reading import wait_until_live


def send(node, sender="alice", recipient="bob", amount=5):
    answer = node.post(
        "/transactions/new", {"sender": sender, "recipient": recipient, "amount": amount}
    )
    return answer.json()["id"]


@pytest.fixture
def go(visit):
    """Open a page, live, in a context of these options."""

    def opened(node, path: str, **options) -> Page:
        page = visit(node, path=path, **options).page
        wait_until_live(page)
        return page

    return opened


def first_index(page: Page) -> int:
    return int(page.locator("#blocks tr").first.get_attribute("data-index"))


def test_a_transaction_is_watched_from_pending_to_confirmed(go, shared_node):
    node = shared_node
    page = go(node, f"/tx/{send(node)}")
    expect(page.locator(".facts .state")).to_have_text("pending")
    index = node.get("/mine").json()["index"]
    expect(page.locator(".facts .state")).to_have_text(f"in block {index:,}")
    expect(page.locator("[data-slot=confirmations]")).to_have_text("1 confirmation")
    node.get("/mine")
    expect(page.locator("[data-slot=confirmations]")).to_have_text("2 confirmations")
    page.get_by_role("link", name=f"Block {index:,}", exact=True).click()
    expect(page.locator("h1")).to_have_text(f"Block {index:,}")


def test_a_block_is_checked_in_the_browser_and_counts_its_confirmations(go, shared_node):
    node = shared_node
    index = node.get("/mine").json()["index"]
    page = go(node, f"/block/{index}")
    expect(page.locator("#check [data-slot=status]")).to_contain_text("in your browser")
    expect(page.locator("#check[data-checked]")).to_have_count(1)
    assert page.locator("#check [data-holds=no]").count() == 0
    expect(page.locator("a[rel=next]")).to_have_count(0)
    node.get("/mine")
    expect(page.locator(".title .state")).to_have_text("2 confirmations")
    page.locator("a[rel=next]").click()
    expect(page.locator("h1")).to_have_text(f"Block {index + 1:,}")
    wait_until_live(page)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("h1")).to_have_text(f"Block {index:,}")
    expect(page.locator("#check[data-checked]")).to_have_count(1)


def test_a_changed_byte_is_noticed(go, shared_node):
    """The check is made from what was loaded, whoever changed it on the way."""
    node = shared_node
    node.get("/mine")

    def spoil(route):
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace('"sender": "0"', '"sender": "9"'))

    index = node.get("/mine").json()["index"]
    page = go(node, f"/block/{index - 1}", prepare=lambda page: page.route("**/raw", spoil))
    expect(page.locator("#check [data-slot=status]")).to_contain_text("another result")
    expect(page.locator("[data-step=following][data-holds=no]")).to_have_count(1)


def test_new_blocks_slide_in_unless_the_pointer_rests_on_the_list(go, shared_node):
    node = shared_node
    page = go(node, "/blocks")
    index = node.get("/mine").json()["index"]
    row = page.locator(f"#blocks tr[data-index='{index}']")
    expect(row).to_have_count(1)
    assert row.locator("a").first.get_attribute("href") == f"/block/{index}"
    page.hover("#blocks")
    node.get("/mine")
    expect(page.locator("#fresh")).to_have_text("1 new block: show")
    assert first_index(page) == index
    page.mouse.move(2, 2)
    expect(page.locator("#fresh")).to_be_hidden()
    assert first_index(page) == index + 1
    page = go(node, "/blocks?above=0&limit=1")
    node.get("/mine")
    node.get("/mine")
    expect(page.locator("#fresh")).to_have_text("2 new blocks: show")
    page.locator("#fresh").click()
    expect(page.locator(f"#blocks tr[data-index='{index + 3}']")).to_have_count(1)


def test_what_is_copied_is_the_whole_of_it(go, shared_node):
    node = shared_node
    digest = node.get("/block/1?as=json").json()["this"]["hash"]
    options = {"permissions": ["clipboard-read", "clipboard-write"], "of_its_own": True}
    page = go(node, "/block/1", prepare=lambda page: page.clock.install(), **options)
    button = page.locator(".whole-hash .copy")
    button.click()
    expect(button).to_have_text("Copied")
    expect(page.locator("#announcer")).to_have_text("Copied")
    page.focus("#search")
    page.keyboard.press("Control+v")
    assert page.input_value("#search") == digest
    page.clock.run_for(1700)
    expect(button).to_have_text("Copy")


def test_the_search_box_suggests_and_goes_there(go, shared_node):
    node = shared_node
    send(node, "suggested-one", "suggested-two")
    node.get("/mine")
    page = go(node, "/blocks")
    page.keyboard.press("/")
    page.keyboard.type("sugg")
    options = page.get_by_role("option")
    expect(options).to_have_count(2)
    box = page.get_by_role("combobox")
    assert box.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert box.get_attribute("aria-activedescendant") == options.nth(1).get_attribute("id")
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    assert page.input_value("#search") == "sugg"
    page.keyboard.type("e")
    expect(options).to_have_count(2)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/address/suggested-two$"))


def test_the_pool_and_an_address_keep_up(go, shared_node):
    node = shared_node
    node.get("/mine")
    pool = go(node, "/pool")
    expect(pool.locator("#waiting")).to_contain_text("Nothing waits")
    send(node, "keeper", "up", 3)
    address = go(node, "/address/up")
    expect(pool.locator("#waiting tbody tr")).to_have_count(1)
    expect(address.locator("#pending tbody tr")).to_have_count(1)
    node.get("/mine")
    expect(pool.locator("#waiting")).to_contain_text("Nothing waits")
    expect(address.locator("#pending tbody tr")).to_have_count(0)
    expect(address.locator("#figures .big")).to_have_text("3")
    assert address.evaluate("document.querySelector('.code img').naturalWidth > 0")


def test_a_reorganisation_is_told_on_the_pages_it_concerns(
    visit, go, frail_node, node_process, tmp_path
):
    node, other = frail_node, node_process(difficulty=2)
    for _ in range(3):
        other.get("/mine")
    transaction = go(node, f"/tx/{send(node)}")
    index = node.get("/mine").json()["index"]
    network, longer = Network(SEED, 2), tmp_path / "longer.json"
    texts = [network.canonical(block) for block in node.get("/chain").json()["chain"]]
    longer.write_bytes(chains.body(chains.grow(texts, [[]] * 4, 3e9, network)))
    block_seen = visit(node, path=f"/block/{index}")  # by index, which is to be another block's
    block = block_seen.page
    wait_until_live(block)
    expect(transaction.locator(".facts .state")).to_have_text(f"in block {index}")
    node.post("/nodes/register", {"nodes": [other.url]})
    node.get("/nodes/resolve")
    expect(block.locator(".title .state")).to_have_text("stale")
    expect(block.locator("#moved")).to_contain_text("off the active chain")
    expect(block.locator(".notice.stale")).to_contain_text("not on the active chain")
    expect(block.locator("#check")).to_contain_text("it is stale")
    expect(transaction.locator(".facts .state")).to_have_text("returned by a reorganisation")
    expect(transaction.locator(".life li")).to_have_count(3)
    # Back again: by a longer chain that stands on the block, from a file.
    done = node.manage("importchain", str(longer))
    assert done.returncode == 0, done.stdout
    expect(block.locator(".title .state")).to_have_text("5 confirmations")
    expect(block.locator("#moved")).to_contain_text("back to the active chain")
    expect(block.locator(".notice.stale")).to_have_count(0)
    expect(block.locator("#check[data-checked]")).to_contain_text("names this hash as its previous")
    expect(transaction.locator(".facts .state")).to_have_text(f"in block {index}")
    assert block_seen.loads == 1


def test_without_scripts_the_pages_read(visit, shared_node):
    node = shared_node
    node.get("/mine")
    page = visit(node, path="/block/2", java_script_enabled=False).page
    expect(page.locator("#check [data-holds=yes]")).to_have_count(5)
    expect(page.locator(".copy").first).to_be_hidden()
    page.locator("label", has_text="Python").click()
    expect(page.locator(".snippet pre").nth(1)).to_be_visible()
    page.fill("#search", "2")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/block/2$"))
