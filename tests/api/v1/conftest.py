"""A client of `/api/v1`, and chains with something on them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.models import Block
from ledger.node import lifecycle, mempool
from ledger.node.conf import NodeConf
from tests.api.conftest import Answer, Caller
from tests.node.chains import NETWORK, active_texts, adopt, grow, reward

SOAK = "test_schemathesis_soak.py"
V1 = "/api/v1"
PAYMENT = {"sender": "alice", "recipient": "bob", "amount": 5}
IRREGULAR = {"sender": "alice", "recipient": "bob", "amount": -1}


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if collection_path.name == SOAK and "not slow" in config.option.markexpr:
        return True
    return None


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=NETWORK.difficulty)


class Api(Caller):
    """Asks under `/api/v1`."""

    async def ask(self, method: str, path: str, **headers: str) -> Answer:
        return await super().ask(method, V1 + path, **headers)

    async def post(self, path: str, value: Any, **options: Any) -> Answer:
        return await super().post(V1 + path, value, **options)

    async def pages(self, path: str, of: str) -> list[Any]:
        """All rows of a list, by `Link`, which says the same as the body."""
        rows: list[Any] = []
        while path:
            answer = await self.get(path)
            rows += answer.json[of]
            link = answer.headers.get("Link", "")
            assert bool(link) == (answer.json["next"] is not None)
            path = link.partition(">")[0].removeprefix(f"<{V1}")
        return rows


@pytest.fixture
def api(node: lifecycle.Node) -> Api:
    return Api()


@pytest.fixture
def texts(node: lifecycle.Node) -> list[str]:
    """Twelve blocks: a payment in each, and in the last an irregular transaction before it."""
    contents = [[PAYMENT, reward("miner")]] * 10 + [[IRREGULAR, PAYMENT, reward("miner")]]
    grown = grow(active_texts(), contents, 5.0)
    adopt(grown, node.writer)
    return grown


@pytest.fixture
def left(node: lifecycle.Node) -> Block:
    """The tip of a chain that this node left for a longer one. It held a transaction of ours."""
    accept(node)
    mine(node, 2)
    tip = Block.objects.filter(active__isnull=False).order_by("-index")[0]
    adopt(grow(active_texts()[:1], [[reward("them")]] * 4, 9.0), node.writer)
    return tip


def accept(node: lifecycle.Node, **values: Any) -> str:
    """Have a transaction acknowledged; its id."""
    submission = mempool.checked({**PAYMENT, **values}, node.identity.network)
    return str(node.writer.submit_batched(node.door.accept, submission).result(20).uid)


def mine(node: lifecycle.Node, blocks: int = 1) -> None:
    for _ in range(blocks):
        node.work.mine().block.result(20)


def problem(answer: Answer, status: int, name: str, reason: str = "") -> dict[str, Any]:
    """The problem that an answer is."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    said: dict[str, Any] = json.loads(answer.body)
    assert (answer.status, said["status"]) == (status, status), said
    assert said["type"] == f"/api/problems/{name}"
    assert said["title"]
    assert reason in said["detail"]
    return said


def proof_for(puzzle: dict[str, Any]) -> int:
    """What an outside miner does."""
    proof = 0
    while True:
        text = f"{puzzle['before']}{proof}{puzzle['after']}"
        if hashlib.sha256(text.encode()).hexdigest().startswith("0" * puzzle["zeros"]):
            return proof
        proof += 1
