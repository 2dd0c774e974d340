"""The pool."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.node import lifecycle
from ledger.node.conf import NodeConf

from .asking import queries_of
from .forked import HOSTILE, get, outgrow, read, seal, submit


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def test_an_empty_pool_says_how_to_fill_it(node: lifecycle.Node) -> None:
    text = read(get("/pool"))
    assert "Nothing waits" in text and "Send one" in text
    assert "curl -X POST" in text and "http://testserver/transactions/new" in text


def test_walking_it_visits_everything_once_the_oldest_first(node: lifecycle.Node) -> None:
    sent = [str(submit(node, "a", "b", n)) for n in range(11)]
    seen, path = [], "/pool?as=json&limit=4"
    while path:
        data = get(path).json()
        seen += [row["id"] for row in data["transactions"]]
        path = data["newer"] and f"/pool?as=json&limit=4&after={data['newer']}"
    assert seen == sent
    assert "Nothing waits behind this one" in read(get("/pool?after=999"))
    for odd in ("after=x", "after=-1", f"after={10**30}", "limit=0", f"limit={10**30}"):
        assert get(f"/pool?{odd}").status_code == 200


def test_what_a_reorganisation_returned_waits_again(node: lifecycle.Node) -> None:
    submit(node, HOSTILE, "bob", 2**63 - 1)
    seal(node)
    outgrow(node, 1, [[], []])
    response = get("/pool")
    assert "returned by a reorganisation" in read(response)
    assert "9,223,372,036,854,775,807" in response.content.decode().replace("<wbr>", "")
    assert HOSTILE not in response.content.decode()


def test_it_costs_the_same_however_much_waits(node: lifecycle.Node) -> None:
    submit(node, "a", "b", 1)
    few = queries_of("/pool")
    for n in range(70):
        submit(node, "a", "b", n)
    assert queries_of("/pool") == few <= 12
