"""The permanent page of one reorganisation."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial

import pytest

from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.views import forks
from tests.node import chains

from .forked import HOSTILE, get, outgrow, queries, read, seal, submit


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def test_it_says_what_left_what_came_and_what_became_of_transactions(node: lifecycle.Node) -> None:
    lost = submit(node, "alice", "bob", 5)
    kept = submit(node, HOSTILE, "carol", 2**62)
    seal(node, 1)
    left = chains.Block.objects.get(active__index=2).hash
    entry = {"sender": HOSTILE, "recipient": "carol", "amount": 2**62}
    outgrow(node, 1, [[entry], []])
    page = get("/reorganisation/1")
    text = read(page)
    assert "1 block left the chain, 2 blocks came in from block 2 on." in text
    assert "After block 1 the chain had two ends, both valid" in text
    assert "1 transaction went back." in text
    assert "1 transaction confirmed on the new side." in text
    assert "5 back to the pool returned by a reorganisation" in text
    assert f"{2**62:,} confirmed on the new side in block 2" in text
    assert f"/block/{left}" in page.content.decode()
    assert HOSTILE in text
    assert HOSTILE not in page.content.decode()
    data = get("/reorganisation/1?as=json").json()
    effects = {row["id"]: (row["effect"], row["amount"]) for row in data["transactions"]}
    assert effects == {str(lost): ("returned", "5"), str(kept): ("confirmed", str(2**62))}


def test_states_are_the_present_ones(node: lifecycle.Node) -> None:
    submit(node, "alice", "bob", 5)
    seal(node, 1)
    outgrow(node, 1, [[], []])
    seal(node, 1)
    assert "5 back to the pool in block 4" in read(get("/reorganisation/1"))


def test_blocks_that_came_back_say_so(node: lifecycle.Node) -> None:
    seal(node, 1)
    ours = chains.active_texts()
    outgrow(node, 1, [[], []])
    assert [b["active"] for b in _side("left")] == [False]
    outgrow(node, 2, [[], []], texts=ours)
    assert [b["active"] for b in _side("left")] == [True]
    assert [b["active"] for b in _side("came")] == [False, False]


def _side(name: str) -> list[dict[str, object]]:
    return get("/reorganisation/1?as=json").json()[name]["blocks"]


def test_a_deep_one_shows_its_newest_blocks_and_counts_the_rest(node: lifecycle.Node) -> None:
    build = partial(forks._reorganisation, 1)
    seal(node, 3)
    outgrow(node, 1, [[] for _ in range(60)])
    data = json.loads(json.dumps(build()))
    assert [b["index"] for b in data["came"]["blocks"]] == list(range(61, 41, -1))
    assert data["came"]["more"] == 40
    assert "and 40 older ones" in read(get("/reorganisation/1"))
    assert queries(build) == 7
    assert data["picture"] is None


def test_a_picture_shows_both_sides_from_their_fork(node: lifecycle.Node) -> None:
    seal(node, 7)
    outgrow(node, 2, [[] for _ in range(8)])
    page = get("/reorganisation/1").content.decode()
    drawn = re.findall(r"<title>Block (\d+), [0-9a-f]{64}</title>", page)
    above, below = ["2", "3", "7", "8", "9", "10"], ["3", "7", "8"]
    assert drawn == above + below, "the ends of long sides, in the same columns"


def test_joining_a_network_explains_itself(node: lifecycle.Node) -> None:
    outgrow(node, 0, [[], []])
    text = read(get("/reorganisation/1"))
    assert "That is how a node joins a network." in text
    assert "none, not even the genesis" in text
    assert "nobody's transaction had to wait again" in text


def test_one_that_never_was_is_404(node: lifecycle.Node) -> None:
    assert get("/reorganisation/1").status_code == 404
    assert get(f"/reorganisation/{10**30}").status_code == 404
