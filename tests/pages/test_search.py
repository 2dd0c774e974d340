"""The one box."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from ledger.models import Block
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.views import places

from .asking import NAMES, marked_up, queries_of
from .forked import get, outgrow, read, seal, submit


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def search(query: str) -> str:
    """Where a query leads, "" if it does not lead anywhere at once."""
    response = get(f"/search?q={quote(query, safe='')}")
    assert response.status_code in (200, 302)
    return response.headers.get("Location", "")


def test_what_names_one_thing_leads_there(node: lifecycle.Node) -> None:
    uid = submit(node, "alice", "bob", 1)
    seal(node, 2)
    digest = Block.objects.get(active__index=3).hash
    host = "http://testserver"
    assert search("3") == search(" 3\n") == search("#3") == search(digest) == "/block/3"
    assert search(digest.upper()) == search(f"{host}/block/{digest}") == "/block/3"
    assert search(f"{host}/block/{digest}/raw") == "/block/3"
    assert search(str(uid)) == search(f"{host}/tx/{uid}?x=1") == f"/tx/{uid}"
    assert search("alice") == search(f"{host}/address/alice") == "/address/alice"


@pytest.mark.parametrize("name", [name for name in NAMES if name == name.strip()])
def test_any_name_is_found_and_its_url_pasted_in_as_well(node: lifecycle.Node, name: str) -> None:
    outgrow(node, 1, [[{"sender": name, "recipient": "bob", "amount": 1}], []])
    assert search(name) == places.address(name)
    assert search("http://testserver" + places.address(name)) == places.address(name)


def test_an_index_above_the_tip_is_said_in_words(node: lifecycle.Node) -> None:
    seal(node)
    text = read(get("/search?q=123,456"))
    assert "As an index, 123,456 is above the tip: the chain ends with block 2" in text


def test_what_may_mean_more_than_one_thing_is_listed_by_kind(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[{"sender": "3", "recipient": "33", "amount": 1}], []])
    assert search("3") == ""
    groups = get("/search/suggest?q=3").json()["groups"]
    assert [(group["kind"], len(group["hits"])) for group in groups] == [
        ("block", 1),
        ("address", 2),
    ]
    assert groups[0]["hits"][0]["url"] == "/block/3"
    text = read(get("/search?q=3"))
    assert "Blocks block 3" in text and "Addresses 3 33" in text


def test_a_stale_block_is_found_by_the_beginning_of_its_hash(node: lifecycle.Node) -> None:
    seal(node)
    old = Block.objects.get(index=2)
    outgrow(node, 1, [[], []])
    assert search(old.hash) == f"/block/{old.hash}"
    (group,) = [
        g for g in get(f"/search/suggest?q={old.hash[:9]}").json()["groups"] if g["kind"] == "block"
    ]
    assert group["hits"][0]["stale"]
    assert "stale" in read(get(f"/search?q={old.hash[:9]}"))


def test_a_moment_leads_to_the_block_of_that_time(node: lifecycle.Node) -> None:
    outgrow(node, 0, [[], [], []])
    assert search("1700000000") == "/block/4"
    assert search("2023-11-14 22:13:20") == "/block/4"
    assert search("2001-01-01") == "/block/1"
    assert search("1969-01-01") == ""


def test_nothing_found_says_what_can_be(node: lifecycle.Node) -> None:
    for query in ("", "nobody", "9999-99-99", "\0", "%", "_" * 3000, "http://[", "f" * 64):
        response = get(f"/search?q={quote(query, safe='')}")
        assert response.status_code == 200
        assert "One box finds everything" in read(response)
        assert get(f"/search/suggest?q={quote(query, safe='')}").json()["groups"] == []


def test_what_was_typed_is_shown_as_text(node: lifecycle.Node) -> None:
    page = marked_up(get(f"/search?q={quote('<script>alert(1)</script>', safe='')}"))
    assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page


def test_it_costs_little_whatever_is_asked(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[]] * 60)
    assert queries_of("/search/suggest?q=ab") <= 7
    assert queries_of("/search/suggest?q=12") <= 7
    assert queries_of("/search/suggest?q=1700000000") <= 15, "halves of the chain"
