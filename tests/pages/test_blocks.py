"""The list of blocks."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import chain

import pytest

from ledger.node import lifecycle
from ledger.node.conf import NodeConf

from .asking import marked_up, queries_of
from .forked import get, outgrow, read, seal


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def shown(path: str) -> list[int]:
    """The indexes in the table, in its order."""
    body = re.search(r'<tbody id="blocks".*?</tbody>', get(path).content.decode(), re.S)
    return [int(n) for n in re.findall(r'data-index="(\d+)"', body[0])] if body else []


def link(path: str, text: str) -> str | None:
    found = re.search(rf'<a [^>]*href="([^"]*)">[^<]*{text}[^<]*</a>', marked_up(get(path)))
    return "/blocks" + found[1].replace("&amp;", "&") if found else None


def test_a_chain_of_one_block_says_how_to_go_on(node: lifecycle.Node) -> None:
    assert shown("/blocks") == [1]
    text = read(get("/blocks"))
    assert "This is the genesis" in text and "mine the next one" in text
    assert link("/blocks", "Older") is None and link("/blocks", "Newer") is None


def test_walking_down_and_up_visits_every_block_once(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[]] * 22)
    down, path = [], "/blocks?limit=5"
    while path:
        down.append(shown(path))
        last, path = path, link(path, "Older")
    assert list(chain.from_iterable(down)) == list(range(23, 0, -1)), (
        "the genesis is on the last page"
    )
    up, path = [], last
    while path:
        up.append(shown(path))
        path = link(path, "Newer")
    assert sorted(chain.from_iterable(up)) == list(range(1, 24))
    assert shown("/blocks?limit=5&above=0") == [5, 4, 3, 2, 1]
    assert link(last, "Newest") == "/blocks?limit=5"


@pytest.mark.parametrize(
    "query",
    [
        *("below=0", "below=-3", "below=x", f"below={10**30}", f"above={10**30}", "above=99"),
        *(
            "above=-1",
            "limit=0",
            "limit=-1",
            f"limit={10**30}",
            "limit=x",
            "below=&above=",
            "a=%00",
        ),
    ],
)
def test_whatever_the_url_asks_for_is_held_in_bounds(node: lifecycle.Node, query: str) -> None:
    seal(node, 2)
    response = get(f"/blocks?{query}")
    assert response.status_code == 200
    if query == "below=0":
        assert "No block is on this page" in read(response)
    else:
        assert shown(f"/blocks?{query}")


def test_a_page_costs_the_same_on_a_longer_chain(node: lifecycle.Node) -> None:
    counts = []
    for more in (1, 40):
        outgrow(node, 1, [[]] * (more + 1))
        counts.append(queries_of("/blocks"))
    assert counts[0] == counts[1] <= 12
    assert queries_of("/blocks?below=10&limit=200") == counts[0]


def test_its_json_is_what_the_page_was_made_of(node: lifecycle.Node) -> None:
    seal(node)
    data = get("/blocks?as=json").json()
    assert [block["index"] for block in data["blocks"]] == [2, 1]
    assert isinstance(data["blocks"][0]["proof"], str)
    assert (data["newer"], data["older"], data["tip_index"]) == (None, None, 2)


def test_the_row_for_what_arrives_is_there_and_empty(node: lifecycle.Node) -> None:
    template = re.search(
        r'<template id="row-block">(.*?)</template>', get("/blocks").content.decode(), re.S
    )
    assert template and 'href=""' in template[1] and "None" not in template[1]
