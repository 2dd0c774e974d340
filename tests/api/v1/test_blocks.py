"""`/api/v1/blocks`: pages of the chain, one block, its bytes, its transactions, how it stands."""

from __future__ import annotations

import hashlib
import json

import pytest

from ledger.models import Block
from ledger.node import lifecycle

from .conftest import Api, mine, problem


async def test_the_chain_comes_in_pages_from_either_end(api: Api, texts: list[str]) -> None:
    newest = await api.pages("/blocks?limit=5", "blocks")
    assert [block["index"] for block in newest] == list(range(12, 0, -1))
    oldest = await api.pages("/blocks?order=oldest&limit=5", "blocks")
    assert oldest == newest[::-1]


async def test_a_range_has_both_its_ends(api: Api, texts: list[str]) -> None:
    for order in ("newest", "oldest"):
        blocks = await api.pages(f"/blocks?from=3&to=9&order={order}&limit=2", "blocks")
        assert sorted(block["index"] for block in blocks) == list(range(3, 10))
    assert (await api.get("/blocks?from=5&to=4")).json["blocks"] == []
    assert (await api.get("/blocks?from=99")).json["next"] is None


@pytest.mark.parametrize(("limit", "rows"), [(0, 1), (-5, 1), (10**30, 12), (3, 3)])
async def test_a_limit_out_of_bounds_counts_as_the_nearest(
    api: Api, texts: list[str], limit: int, rows: int
) -> None:
    assert len((await api.get(f"/blocks?limit={limit}")).json["blocks"]) == rows


async def test_a_page_is_headers_only(api: Api, texts: list[str]) -> None:
    block = (await api.get("/blocks?limit=1")).json["blocks"][0]
    assert block["transactions"] == 3
    assert isinstance(block["proof"], str)


async def test_a_cursor_that_no_page_gave_out_is_refused(api: Api) -> None:
    said = problem(await api.get("/blocks?cursor=x"), 422, "invalid")
    assert [error["where"] for error in said["errors"]] == ["query.cursor"]


@pytest.mark.parametrize("reference", ["12", "tip", "{hash}", "{HASH}"])
async def test_a_block_is_named_by_index_by_hash_or_as_the_tip(
    api: Api, texts: list[str], reference: str
) -> None:
    digest = hashlib.sha256(texts[-1].encode()).hexdigest()
    asked = reference.format(hash=digest, HASH=digest.upper())
    answer = await api.get(f"/blocks/{asked}")
    assert answer.json["hash"] == digest
    assert (answer.json["irregular"], answer.json["moved"]) == (1, "6")


@pytest.mark.parametrize("end", ["", "/raw"])
async def test_what_a_hash_names_is_kept_for_ever_and_what_an_index_names_is_asked_again(
    api: Api, texts: list[str], end: str
) -> None:
    digest = hashlib.sha256(texts[1].encode()).hexdigest()
    lasting = await api.get(f"/blocks/{digest}{end}")
    assert lasting.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    by_index = await api.get(f"/blocks/2{end}")
    assert by_index.headers["Cache-Control"] == "no-cache"
    assert by_index.headers["Content-Location"] == f"/api/v1/blocks/{digest}{end}"
    assert by_index.headers["ETag"] == lasting.headers["ETag"] == f'"{digest}"'
    assert by_index.body == lasting.body


async def test_the_raw_bytes_are_those_that_were_hashed(api: Api, texts: list[str]) -> None:
    for index, text in enumerate(texts, 1):
        answer = await api.get(f"/blocks/{index}/raw")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.body == text.encode()


async def test_its_transactions_come_in_pages_in_its_order(api: Api, texts: list[str]) -> None:
    rows = await api.pages("/blocks/12/transactions?limit=1", "transactions")
    assert [row["position"] for row in rows] == [0, 1, 2]
    assert [row["amount"] for row in rows] == [None, "5", "1"]
    assert [row["reward"] for row in rows] == [False, False, True]
    assert rows[0]["irregular"] == "amount must not be negative"
    assert rows[0]["amount_said"] == "-1"


async def test_one_of_them_is_found_by_its_place(api: Api, texts: list[str]) -> None:
    found = (await api.get("/blocks/11/transactions/0")).json
    assert json.loads(found["text"]) == {"sender": "alice", "recipient": "bob", "amount": 5}
    assert (found["active"], found["confirmations"]) == (True, 2)
    problem(await api.get("/blocks/11/transactions/2"), 404, "not-found", "has 2 transactions")


async def test_how_a_block_stands_is_a_question_of_its_own(
    api: Api, node: lifecycle.Node, left: Block
) -> None:
    stale = (await api.get(f"/blocks/{left.hash}/status")).json
    assert (stale["active"], stale["confirmations"], stale["tip"]) == (False, 0, 5)
    active = (await api.get(f"/blocks/{left.index}/status")).json
    assert stale["instead"] == active["hash"]
    assert (active["active"], active["confirmations"]) == (True, 3)
    before = await api.get(f"/blocks/{left.hash}")
    mine(node)
    assert (await api.get(f"/blocks/{left.hash}")).body == before.body
    assert (await api.get("/blocks/5/status")).json["confirmations"] == 2


@pytest.mark.parametrize("end", ["", "/raw", "/status", "/transactions", "/transactions/0"])
async def test_what_is_not_there_is_a_problem_that_says_how_blocks_are_named(
    api: Api, end: str
) -> None:
    for reference in ("0", "99", "tips", "ab" * 32, "-1", "1.5", "9" * 400):
        answer = await api.get(f"/blocks/{reference}{end}")
        problem(answer, 404, "not-found", "an index, a whole hash")
