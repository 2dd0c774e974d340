"""The Atom feed of blocks, and the badge."""

from __future__ import annotations

from datetime import datetime
from xml.etree import ElementTree

from ledger.models import Block

from .asking import get, queries_of
from .forked import outgrow, seal

ATOM = "{http://www.w3.org/2005/Atom}"


def entries() -> list[tuple[str, str, str]]:
    response = get("/blocks.atom")
    assert response.headers["Content-Type"] == "application/atom+xml"
    feed = ElementTree.fromstring(response.content)
    assert feed.tag == f"{ATOM}feed"
    datetime.fromisoformat(feed.findtext(f"{ATOM}updated"))
    return [
        (
            entry.findtext(f"{ATOM}title"),
            entry.find(f"{ATOM}link").get("href"),
            entry.findtext(f"{ATOM}id"),
        )
        for entry in feed.findall(f"{ATOM}entry")
    ]


def test_the_feed_has_the_newest_blocks_first(node):
    seal(node, 30)
    found = entries()

    assert len(found) == 25
    assert found[0][0] == "block 31: 1 transaction"
    assert found[-1][0].startswith("block 7:")
    newest = Block.objects.get(active__index=31).hash
    assert found[0][1:] == (f"http://testserver/block/{newest}", f"urn:sha256:{newest}")
    assert get(f"/block/{newest}").status_code == 200


def test_a_block_in_anothers_place_is_another_entry(node):
    seal(node)
    before = {name for *_, name in entries()}
    outgrow(node, 1, [[], []])
    after = {name for *_, name in entries()}

    assert len(before) == 2 and len(after) == 3
    assert len(before & after) == 1, "only the genesis stayed"


def test_it_costs_one_look(node):
    seal(node, 5)
    assert queries_of("/blocks.atom") <= 4


def test_pages_name_the_feed(node):
    head = get("/").content.decode().split("<body>")[0]
    assert 'type="application/atom+xml"' in head and 'href="/blocks.atom"' in head


def test_the_badge_says_how_high_the_chain_is_and_may_stand_anywhere(node):
    seal(node, 3)
    response = get("/badge.svg")
    picture = ElementTree.fromstring(response.content)

    assert response.headers["Content-Type"] == "image/svg+xml"
    assert picture.get("aria-label") == "chainsite: block 4"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "script-src 'self'" in response.headers["Content-Security-Policy"]
