"""GET /api/v1/network/transactions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.node import lifecycle
from ledger.node.mempool import checked

from .conftest import Answer, Caller

PATH = "/api/v1/network/transactions"
LINES = "application/x-ndjson"


def lines(answer: Answer) -> list[Any]:
    assert (answer.status, answer.headers["Content-Type"]) == (200, LINES)
    assert answer.body.endswith(b"\n")
    return [json.loads(line) for line in answer.text.splitlines()]


async def submit(caller: Caller, amount: int) -> str:
    value = {"sender": "al\u00efce", "recipient": "bob", "amount": amount}
    return str((await caller.post("/transactions/new", value)).json["id"])


async def test_an_empty_pool_has_a_tip_and_no_lines(node: lifecycle.Node, caller: Caller) -> None:
    chain = (await caller.get("/chain")).json["chain"]
    (head,) = lines(await caller.get(PATH))
    assert set(head) == {"tip", "newest"}
    assert head["tip"]["index"] == len(chain) == 1
    assert len(head["tip"]["hash"]) == 64
    assert head["newest"] == 0


async def test_it_tells_what_is_known_in_the_order_of_the_numbers(
    node: lifecycle.Node, caller: Caller
) -> None:
    uids = [await submit(caller, amount) for amount in (3, 1)]
    assert (await caller.get("/mine")).status == 200
    uids.append(await submit(caller, 2))
    head, *told = lines(await caller.get(PATH))
    assert head["newest"] == 3
    assert told == [
        {
            **{"entered": number, "uid": uid, "sender": "al\u00efce", "recipient": "bob"},
            **{"amount": amount, "floor": floor, "state": state},
        }
        for number, (uid, amount, floor, state) in enumerate(
            zip(uids, (3, 1, 2), (1, 1, 2), ("confirmed", "confirmed", "waiting"), strict=True), 1
        )
    ]
    assert lines(await caller.get(f"{PATH}?after=2"))[1:] == told[2:]
    assert lines(await caller.get(f"{PATH}?only=waiting"))[1:] == told[2:]
    assert lines(await caller.get(f"{PATH}?after=3")) == [head]


async def test_2000_lines_are_sent_at_most(node: lifecycle.Node, caller: Caller) -> None:
    values = {"sender": "a", "recipient": "b", "amount": 1}
    door, writer = node.door, node.writer
    one = checked(values, node.identity.network)
    futures = [writer.submit_batched(door.accept, one) for _ in range(2001)]
    for future in futures:
        future.result(20)
    head, *told = lines(await caller.get(PATH))
    assert (head["newest"], len(told), told[-1]["entered"]) == (2000, 2000, 2000)
    head, *told = lines(await caller.get(f"{PATH}?after=2000"))
    assert (head["newest"], len(told)) == (2001, 1)


@pytest.mark.parametrize(
    "query, reason",
    [
        *((f"after={text}", "after is a number") for text in ("", "-1", "x", "1.0", "٣", "+1")),
        ("after=9223372036854775808", "after is a number from 0 to 9223372036854775807"),
        ("after=" + "9" * 5000, "after is a number"),
        ("only=refused", "only is 'waiting'"),
    ],
)
async def test_a_bad_question_is_answered_with_the_reason(
    lasting_node: lifecycle.Node, caller: Caller, query: str, reason: str
) -> None:
    answer = await caller.get(f"{PATH}?{query}")
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    value = json.loads(answer.body)
    assert (value["status"], value["title"]) == (400, "The request is not as it has to be")
    assert reason in value["detail"]


async def test_the_largest_number_is_a_number(lasting_node: lifecycle.Node, caller: Caller) -> None:
    assert len(lines(await caller.get(f"{PATH}?after={2**63 - 1}"))) == 1


async def test_other_methods_are_refused_and_head_has_no_body(
    lasting_node: lifecycle.Node, caller: Caller
) -> None:
    answer = await caller.ask("PUT", PATH)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert answer.headers["Content-Type"] == "application/problem+json"
    answer = await caller.ask("OPTIONS", PATH)
    assert (answer.status, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
    answer = await caller.ask("HEAD", PATH)
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"", LINES)
