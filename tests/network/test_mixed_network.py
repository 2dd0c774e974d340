"""Two of our nodes and two of the article's own, of which each knows one: one network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.processes import NodeProcess

from .automatic import address, agree, cut, heal, peers, rows, start, tip, until
from .old_node import OldNode, hash_block, valid_chain

DIFFICULTY = 2


def register(node: NodeProcess, other: str) -> None:
    assert node.post("/nodes/register", {"nodes": [other]}).status_code == 201


def mine(old: OldNode) -> dict[str, Any]:
    answer = requests.get(f"{old.url}/mine", timeout=30)
    assert answer.status_code == 200
    return dict(answer.json())


def old_tip(old: OldNode) -> tuple[int, str]:
    block = old.chain[-1]
    return block["index"], hash_block(block)


@pytest.mark.long
@pytest.mark.parametrize("dialect", ["seed", "dvf"])
def test_all_four_end_on_one_chain(tmp_path: Path, dialect: str) -> None:
    ours: list[NodeProcess] = []
    options: dict[str, Any] = {"dialect": dialect, "difficulty": DIFFICULTY}
    with OldNode(dialect, DIFFICULTY) as first, OldNode(dialect, DIFFICULTY) as second:
        try:
            ours += [start(tmp_path / name, **options) for name in ("a", "b")]
            one, other = ours
            # By hand, and one way only: nobody told the old nodes of anybody.
            register(one, first.address)
            register(other, second.address)
            register(other, address(one))
            live_through(one, other, first, second)
        finally:
            for node in ours:
                node.kill()


def live_through(one: NodeProcess, other: NodeProcess, first: OldNode, second: OldNode) -> None:
    def is_one_chain() -> bool:
        tips = {tip(one), tip(other), old_tip(first), old_tip(second)}
        return len(tips) == 1

    settle = settling(one, is_one_chain)
    settle()
    assert peers(one) == {first.address: "old", address(other): "ours"}
    # They were introduced: the old ones can ask us now.
    assert first.blockchain.nodes == {address(one)}
    assert second.blockchain.nodes == {address(other)}
    acknowledged = []
    for turn in range(3):
        cut(one, other)
        for node in (one, other):
            sent = {"sender": "a", "recipient": f"turn {turn}", "amount": node.port}
            answer = node.post("/transactions/new", sent)
            assert answer.status_code == 201
            acknowledged.append(sent)
        for _ in range(turn + 1):
            one.get("/mine")
            mine(first)
            mine(second)
            other.get("/mine")
        assert not agree((one, other)), "nothing was partitioned"
        heal(one, other)
        settle()
    waiting = "SELECT COUNT(*) FROM ledger_transaction WHERE state IN ('pending', 'returned')"
    while any(rows(node, waiting)[0][0] for node in (one, other)):
        settle()
    chain = one.get("/chain").json()["chain"]
    entries = [entry for block in chain for entry in block["transactions"]]
    for sent in acknowledged:
        assert entries.count(sent) == 1, sent
    dialect = first.blockchain.dialect
    assert valid_chain(chain, dialect=dialect, difficulty=DIFFICULTY)
    counted = "SELECT COUNT(*) FROM ledger_reorganisation"
    assert sum(rows(node, counted)[0][0] for node in (one, other)) >= 2, "nothing was forked"
    for node in (one, other):
        assert "sound" in node.manage("verifychain").stdout


def settling(one: NodeProcess, is_one_chain: Callable[[], bool]) -> Callable[[], None]:
    def settle() -> None:
        """Of chains of one length each node keeps its own: another block decides."""
        for _ in range(4):
            one.get("/mine")
            try:
                until(is_one_chain, 6, "one chain")
            except AssertionError:
                continue
            return
        raise AssertionError("they did not end on one chain")

    return settle
