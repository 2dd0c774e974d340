"""`/api/v1/transactions` and `/api/v1/pool`: sending, looking up, following."""

from __future__ import annotations

import json

import pytest

from ledger.models import Block
from ledger.node import lifecycle
from tests.api.conftest import Reading, Unchanged

from .conftest import PAYMENT, Api, accept, mine, problem


async def test_what_is_acknowledged_can_be_followed(api: Api, reading: Reading) -> None:
    answer = await api.post("/transactions", PAYMENT)
    assert (answer.status, answer.json["promised_index"]) == (201, 2)
    assert answer.headers["Location"] == f"/api/v1/transactions/{answer.json['id']}"
    life = (await api.get(f"/transactions/{answer.json['id']}")).json
    assert (life["state"], life["amount"], life["confirmations"]) == ("pending", "5", 0)
    assert life["place"] is None
    assert [step["what"] for step in life["history"]] == ["accepted"]


@pytest.mark.parametrize("amount", [2**63 - 1, "9223372036854775807", "5", 0])
async def test_an_amount_may_be_a_string_of_digits(api: Api, amount: object) -> None:
    answer = await api.post("/transactions", {**PAYMENT, "amount": amount})
    life = (await api.get(f"/transactions/{answer.json['id']}")).json
    assert life["amount"] == str(amount)


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        (
            {"sender": "0", "recipient": "", "amount": -1},
            {"body.sender", "body.recipient", "body.amount"},
        ),
        ({"amount": 1.0}, {"body.amount"}),
        ({"amount": True}, {"body.amount"}),
        ({"amount": "5 "}, {"body.amount"}),
        ({"amount": "\u0665"}, {"body.amount"}),
        ({"amount": 2**63}, {"body.amount"}),
        ({"amount": None}, {"body.amount"}),
        ({"sender": 7}, {"body.sender"}),
        ({"sender": "\ud800"}, {"body.sender"}),
        ({"recipient": "a\nb"}, {"body.recipient"}),
        ({"recipient": "x" * 257}, {"body.recipient"}),
        ({"more": 1}, {"body.more"}),
    ],
)
async def test_a_refusal_names_each_fault_and_takes_nothing(
    api: Api, unchanged: Unchanged, values: dict[str, object], faults: set[str]
) -> None:
    async with unchanged():
        answer = await api.post("/transactions", {**PAYMENT, **values})
    said = problem(answer, 422, "invalid")
    assert {error["where"] for error in said["errors"]} == faults
    assert all(error["reason"] for error in said["errors"])


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        ("{", 400, "bad-request"),
        ('{"sender": "a", "sender": "b"}', 400, "bad-request"),
        ("[" * 40 + "]" * 40, 400, "bad-request"),
        ("NaN", 400, "bad-request"),
        (b"\xff", 400, "bad-request"),
        ("[]", 422, "invalid"),
        ("", 422, "invalid"),
        (" " * (64 * 1024 + 1), 413, "too-large"),
    ],
)
async def test_a_body_is_read_as_strictly_as_by_the_five_endpoints(
    api: Api, unchanged: Unchanged, body: str | bytes, status: int, name: str
) -> None:
    async with unchanged():
        problem(await api.post("/transactions", body), status, name)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/png"])
async def test_another_content_type_is_415(api: Api, unchanged: Unchanged, kind: str) -> None:
    async with unchanged():
        answer = await api.post("/transactions", json.dumps(PAYMENT), content_type=kind)
        problem(answer, 415, "unsupported-media-type", "application/json")


async def test_with_a_key_a_repeated_request_gets_the_same_answer(api: Api) -> None:
    first = await api.post("/transactions", PAYMENT, Idempotency_Key="one")
    again = await api.post("/transactions", PAYMENT, Idempotency_Key="one")
    assert (again.status, again.json) == (201, first.json)
    other = await api.post("/transactions", {**PAYMENT, "amount": 6}, Idempotency_Key="one")
    problem(other, 422, "key-reused")
    assert len((await api.get("/transactions")).json["transactions"]) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "ü"])
async def test_a_key_that_is_none_is_refused(api: Api, unchanged: Unchanged, key: str) -> None:
    async with unchanged():
        problem(await api.post("/transactions", PAYMENT, Idempotency_Key=key), 422, "invalid")


async def test_a_life_is_told_from_acceptance_to_return(
    api: Api, node: lifecycle.Node, left: Block
) -> None:
    (row,) = (await api.get("/transactions")).json["transactions"]
    life = (await api.get(f"/transactions/{row['id']}")).json
    assert (life["state"], life["confirmations"]) == ("returned", 0)
    steps = {step["what"]: step for step in life["history"]}
    assert list(steps) == ["accepted", "included", "returned"]
    assert steps["included"]["active"] is False
    assert "fork_index" not in steps["included"]
    mine(node, 2)
    life = (await api.get(f"/transactions/{row['id']}")).json
    assert (life["state"], life["confirmations"], life["place"]["index"]) == ("confirmed", 2, 6)


async def test_the_newest_come_first_and_the_pool_in_its_order(
    api: Api, node: lifecycle.Node
) -> None:
    ids = [accept(node, amount=n) for n in range(7)]
    listed = await api.pages("/transactions?limit=3", "transactions")
    assert [row["id"] for row in listed] == ids[::-1]
    mine(node)
    waiting = [accept(node, amount=n) for n in range(5)]
    assert [row["id"] for row in await api.pages("/pool?limit=2", "transactions")] == waiting
    pool = (await api.get("/pool?limit=200")).json
    assert (pool["count"], pool["next"]) == (5, None)
    assert pool["size"] == sum(row["size"] for row in pool["transactions"])


async def test_an_unknown_id_is_a_problem_and_no_id_is_one_too(api: Api) -> None:
    unknown = "/transactions/00000000-0000-4000-8000-000000000000"
    problem(await api.get(unknown), 404, "not-found", "acknowledged no transaction")
    problem(await api.get("/transactions/nonsense"), 422, "invalid", "UUID")
