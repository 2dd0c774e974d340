"""Dry runs: all reasons, and no effect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.consensus import hash_of
from ledger.models import Block
from ledger.node import lifecycle, operator
from tests.api.conftest import Reading, Unchanged
from tests.node.chains import active_texts, genesis, grow, reward, texts_up_to

from .conftest import IRREGULAR, PAYMENT, Api, accept, problem


async def test_a_transaction_that_would_be_taken_is_not(api: Api, unchanged: Unchanged) -> None:
    async with unchanged():
        for amount in (5, "5"):
            answer = await api.post("/transactions/check", {**PAYMENT, "amount": amount})
            assert answer.json == {"acceptable": True, "reasons": []}


@pytest.mark.parametrize(
    ("values", "reasons"),
    [
        ({}, ["sender is missing", "recipient is missing", "amount is missing"]),
        (
            {"sender": "", "amount": -1},
            ["recipient is missing", "sender must not be empty", "amount must not be negative"],
        ),
        (
            {**PAYMENT, "sender": 1, "recipient": 2, "amount": 3.5},
            ["sender must be a string", "recipient must be a string", "amount must be an integer"],
        ),
    ],
)
async def test_every_reason_is_given(
    api: Api, unchanged: Unchanged, values: dict[str, Any], reasons: list[str]
) -> None:
    async with unchanged():
        answer = await api.post("/transactions/check", values)
    assert answer.json == {"acceptable": False, "reasons": reasons}


async def test_a_full_pool_is_a_reason(api: Api, node: lifecycle.Node) -> None:
    accept(node)
    object.__setattr__(node.conf, "pool_transactions", 1)
    answer = await api.post("/transactions/check", PAYMENT)
    assert answer.json["reasons"] == ["the pool is full (1 transactions)"]


def next_block(texts: list[str], *contents: dict[str, Any]) -> str:
    return grow(texts, [[*contents, reward("me")]], 7.0)[-1]


async def test_a_valid_block_is_judged_and_not_taken(
    api: Api, unchanged: Unchanged, texts: list[str]
) -> None:
    text = next_block(texts, PAYMENT, IRREGULAR)
    async with unchanged():
        verdict = (await api.post("/blocks/check", text)).json
    assert (verdict["valid"], verdict["faults"], verdict["known"]) == (True, [], False)
    assert (verdict["hash"], verdict["canonical"]) == (hash_of(text), text)
    assert verdict["parent"] == {"index": 12, "hash": hash_of(texts[-1]), "active": True}
    assert verdict["irregular"] == [{"position": 1, "reason": "amount must not be negative"}]


async def test_one_on_a_side_branch_is_valid_too(api: Api, left: Block, reading: Reading) -> None:
    def beside() -> str:
        return next_block(texts_up_to(left.hash))

    verdict = (await api.post("/blocks/check", await reading(beside))).json
    assert (verdict["valid"], verdict["parent"]["active"]) == (True, False)


async def test_all_that_is_wrong_with_a_block_is_said(api: Api, texts: list[str]) -> None:
    block = {**json.loads(next_block(texts)), "index": 99, "previous_hash": "0" * 64, "proof": 1}
    verdict = (await api.post("/blocks/check", block)).json
    assert verdict["valid"] is False
    reasons = [fault["reason"] for fault in verdict["faults"]]
    assert reasons == ["wrong-index", "wrong-previous-hash", "insufficient-proof"]
    assert verdict["parent"] is None

    spoiled = {"index": "1", "proof": -1, "transactions": [1, {}, None]}
    verdict = (await api.post("/blocks/check", spoiled)).json
    reasons = [fault["reason"] for fault in verdict["faults"]]
    assert reasons == [
        "missing-key",
        "missing-key",
        "bad-index",
        "bad-proof",
        *["bad-transactions"] * 2,
    ]
    assert (verdict["hash"], verdict["canonical"]) == (None, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not-json"),
        (b"\xff", "not-json"),
        ("[1]", "not-an-object"),
        ("7", "not-an-object"),
        ('{"index": 1, "index": 1}', "duplicate-key"),
        ('{"a": ' * 40 + "1" + "}" * 40, "too-deep"),
        ("[" * 30_000 + "]" * 30_000, "too-deep"),
        ('{"proof": ' + "9" * 500 + "}", "too-many-digits"),
        ('{"proof": ' + "9" * 5000 + "}", "too-many-digits"),
    ],
)
async def test_what_is_no_block_at_all_is_told_as_such(
    api: Api, text: str | bytes, reason: str
) -> None:
    verdict = (await api.post("/blocks/check", text)).json
    assert reason in [fault["reason"] for fault in verdict["faults"]]


async def test_what_the_operator_marked_is_a_reason(
    api: Api, left: Block, reading: Reading
) -> None:
    await reading(lambda: operator.invalidate_block(left.hash))
    verdict = (await api.post("/blocks/check", left.canonical)).json
    assert (verdict["known"], verdict["valid"]) == (True, False)
    assert [fault["reason"] for fault in verdict["faults"]] == ["marked-invalid"]


async def test_a_genesis_is_judged_as_one(api: Api) -> None:
    assert (await api.post("/blocks/check", genesis(3.0))).json["valid"] is True
    spoiled = {**json.loads(genesis(3.0)), "proof": 7, "previous_hash": 2}
    faults = (await api.post("/blocks/check", spoiled)).json["faults"]
    assert [fault["reason"] for fault in faults] == ["bad-genesis", "bad-genesis"]


@pytest.mark.parametrize("path", ["/transactions/check", "/blocks/check"])
async def test_another_content_type_is_415(api: Api, path: str) -> None:
    answer = await api.post(path, "{}", content_type="text/plain")
    problem(answer, 415, "unsupported-media-type")


async def test_own_blocks_are_valid_where_they_stand(
    api: Api, texts: list[str], reading: Reading
) -> None:
    for text in await reading(active_texts):
        verdict = (await api.post("/blocks/check", text)).json
        assert (verdict["valid"], verdict["known"]) == (True, True)
