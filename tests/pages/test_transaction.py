"""The life of a transaction, and a transaction in a block."""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

import pytest

from ledger.models import Block, Inclusion, Transaction
from ledger.node import lifecycle, relayed
from ledger.node.conf import NodeConf
from tests.node import chains

from .asking import queries_of
from .forked import get, outgrow, read, seal, submit


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def test_it_waits_and_then_is_confirmed_more_and_more(node: lifecycle.Node) -> None:
    uid = submit(node, "alice", "bob", 5)
    text = read(get(f"/tx/{uid}"))
    assert "pending" in text and "It should be in block 2" in text
    assert "confirmation" not in text
    seal(node)
    text = read(get(f"/tx/{uid}"))
    assert "in block 2" in text and "1 confirmation" in text
    seal(node, 3)
    assert "4 confirmations" in read(get(f"/tx/{uid}"))


def test_a_reorganisation_is_part_of_its_life(node: lifecycle.Node) -> None:
    uid = submit(node, "alice", "bob", 5)
    seal(node)
    old = Block.objects.get(index=2)
    entry = {"sender": "alice", "recipient": "bob", "amount": 5}
    outgrow(node, 1, [[], []])
    text = read(get(f"/tx/{uid}"))
    assert "Returned to the pool by a reorganisation" in text
    assert "it is not lost, and waits again" in text
    assert "stale" in text and f"/block/{old.hash}" in get(f"/tx/{uid}").content.decode()
    outgrow(node, 3, [[entry, chains.reward("other")]])
    data = get(f"/tx/{uid}?as=json").json()
    assert data["transaction"]["state"] == "confirmed"
    assert [one["what"] for one in data["history"]][:2] == ["accepted", "included"]
    assert {one["active"] for one in data["history"] if one["what"] == "included"} == {True, False}
    assert data["place"]["index"] == 4


def test_a_refused_one_says_why(node: lifecycle.Node) -> None:
    uid = submit(node, "alice", "bob", 5)
    node.writer.run(lambda: Transaction.objects.update(state="refused", reason="<b>no room</b>"))
    response = get(f"/tx/{uid}")
    assert "Refused <b>no room</b>" in read(response).replace("&lt;", "<")
    assert "<b>no room" not in response.content.decode()


def test_one_of_ours_is_known_by_its_place_too(node: lifecycle.Node) -> None:
    uid = submit(node, "alice", "bob", 5)
    seal(node)
    digest = Block.objects.get(index=2).hash
    response = get(f"/tx/{digest}/0")
    assert (response.status_code, response["Location"]) == (302, f"/tx/{uid}")
    reward = read(get(f"/tx/{digest}/1"))
    assert "Transaction 1 of block 2" in reward and "reward" in reward


@pytest.mark.parametrize(
    "path", [f"/tx/{uuid.UUID(int=7)}", f"/tx/{'f' * 64}/0", "/tx/zz/0", f"/tx/{'f' * 64}/{10**30}"]
)
def test_what_is_not_there_is_said_in_the_sites_look(node: lifecycle.Node, path: str) -> None:
    response = get(path)
    assert response.status_code == 404
    assert "No such transaction" in read(response)


def test_a_place_behind_the_last_is_none(node: lifecycle.Node) -> None:
    digest = Block.objects.get(index=1).hash
    assert get(f"/tx/{digest}/0").status_code == 404
    assert get(f"/tx/{digest}/{10**30}").status_code == 404


def test_the_text_of_any_value_is_shown_as_it_was_hashed(node: lifecycle.Node) -> None:
    deep = {"sender": "a", "recipient": "b", "amount": 1, "more": {"<i>": ["\ud800", 10**30]}}
    outgrow(node, 1, [[deep]])
    entry = Inclusion.objects.get(index=2)
    response = get(f"/tx/{entry.block.hash}/0")
    assert (
        r'"&lt;i&gt;"' in response.content.decode()
        or "&quot;&lt;i&gt;&quot;" in response.content.decode()
    )
    text = get(f"/tx/{entry.block.hash}/0?as=json").json()["text"]
    assert text in entry.block.canonical
    assert re.search(r"\\ud800", text)


def test_its_page_costs_the_same_on_a_longer_chain(node: lifecycle.Node) -> None:
    uid = submit(node, "alice", "bob", 5)
    seal(node)
    few = queries_of(f"/tx/{uid}")
    seal(node, 15)
    assert queries_of(f"/tx/{uid}") == few <= 14


def test_one_of_another_node_says_so_and_who_told_of_it(node: lifecycle.Node) -> None:
    one = uuid.uuid4()
    values = {"sender": "alice", "recipient": "bob", "amount": 5}
    batch = relayed.told(0)
    batch = replace(batch, newest=1, lines=[relayed.Line(1, one, values, 0, "waiting")])
    node.writer.run(lambda: node.duties.intake.take(batch, "10.0.0.2:5000"))
    text = read(get(f"/tx/{one}"))
    assert "Transaction, as another node acknowledged it" in text
    assert "Acknowledged by another node, heard from 10.0.0.2:5000" in text
    seal(node)
    outgrow(node, 1, [[], []])
    text = read(get(f"/tx/{one}"))
    assert "State left to its own node" in text
    assert "The node that acknowledged it puts it back." in text
    assert "Left to its own node by a reorganisation" in text
    assert "left to its own node" in read(get("/reorganisation/1"))
