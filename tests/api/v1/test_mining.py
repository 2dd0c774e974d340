"""Mining: the node's own search, and blocks that others find for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ledger.api.v1.schemas.mining import Template
from ledger.consensus import DIALECTS
from ledger.node import lifecycle, mempool
from ledger.node.conf import NodeConf
from tests.api.conftest import Reading, Unchanged, until

from .conftest import Api, accept, mine, problem, proof_for


@pytest.fixture
def conf(conf: NodeConf, request: pytest.FixtureRequest) -> NodeConf:
    """Parametrize it indirectly: a dialect, or a difficulty at which no search ends."""
    wanted = getattr(request, "param", {})
    return replace(conf, **wanted)


HARD = pytest.mark.parametrize("conf", [{"difficulty": 9}], indirect=True)


async def test_a_search_is_started_and_told_of_by_an_event(api: Api) -> None:
    started = await api.post("/mining", "")
    assert (started.status, started.json["index"]) == (202, 2)
    assert started.headers["Location"] == "/api/v1/mining"
    news = (await api.get(f"/events?after={started.json['after']}&wait=20")).json
    assert [event["kind"] for event in news["events"]] == ["block"]
    assert news["events"][0]["data"]["index"] == 2


@HARD
async def test_it_can_be_watched_and_cancelled(api: Api, node: lifecycle.Node) -> None:
    idle = (await api.get("/mining")).json
    assert (idle["searching"], idle["odds"]) == (None, str(16**9))
    watching = asyncio.create_task(api.get("/mining?wait=20"))
    await asyncio.sleep(0)
    await api.post("/mining", "")
    assert (await watching).json["searching"] == 2
    await api.post("/mining", "")
    assert (await api.ask("DELETE", "/mining")).json == {"cancelled": True}
    await until(lambda: node.work.mining().searching is None)
    assert (await api.ask("DELETE", "/mining")).json == {"cancelled": False}


@pytest.mark.parametrize("conf", [{"difficulty": 9, "mine_queue": 1}], indirect=True)
async def test_past_a_short_queue_it_is_429(api: Api, node: lifecycle.Node) -> None:
    await api.post("/mining", "")
    await until(lambda: node.work.mining().searching)
    await api.post("/mining", "")
    answer = await api.post("/mining", "")
    problem(answer, 429, "overloaded", "waiting")
    assert int(answer.headers["Retry-After"]) >= 1
    await api.ask("DELETE", "/mining")


@pytest.mark.parametrize(
    "conf", [{"dialect": name, "difficulty": 1} for name in DIALECTS], indirect=True, ids=DIALECTS
)
async def test_an_outside_miner_finds_a_block_in_every_dialect(
    api: Api, node: lifecycle.Node
) -> None:
    for amount in range(3):
        waiting = accept(node, amount=amount)
        template = (await api.get("/mining/template?recipient=zoe")).json
        assert template["transactions"][-1] == {"sender": "0", "recipient": "zoe", "amount": "1"}
        accept(node, sender="too", recipient="late")  # the template does not change any more
        found = {"template": template["template"], "proof": proof_for(template["puzzle"])}
        sealed = await api.post("/mining/blocks", found)
        assert (sealed.status, sealed.json["index"]) == (201, template["index"])
        assert sealed.json["transactions"] == len(template["transactions"])
        assert sealed.headers["Location"] == f"/api/v1/blocks/{sealed.json['hash']}"
        block = (await api.get("/blocks/tip")).json
        assert (block["hash"], block["timestamp"]) == (sealed.json["hash"], template["timestamp"])
        life = (await api.get(f"/transactions/{waiting}")).json
        assert life["place"]["hash"] == sealed.json["hash"]
        assert (await api.get("/pool")).json["count"] == 1
    assert (await api.get("/address?name=zoe")).json["balance"] == "3"


async def test_a_template_is_of_the_shape_that_the_document_says(
    api: Api, node: lifecycle.Node
) -> None:
    accept(node)
    answer = await api.get("/mining/template")
    assert Template.model_validate(answer.json, strict=True).model_dump() == answer.json


async def test_a_proof_may_come_as_digits_and_only_once(api: Api) -> None:
    template = (await api.get("/mining/template")).json
    found = {"template": template["template"], "proof": str(proof_for(template["puzzle"]))}
    assert (await api.post("/mining/blocks", found)).status == 201
    problem(await api.post("/mining/blocks", found), 409, "stale", "the tip moved")


async def test_a_template_is_stale_when_the_tip_moved_or_a_transaction_left(
    api: Api, node: lifecycle.Node, unchanged: Unchanged
) -> None:
    template = (await api.get("/mining/template")).json
    mine(node)
    found = {"template": template["template"], "proof": proof_for(template["puzzle"])}
    async with unchanged():
        problem(await api.post("/mining/blocks", found), 409, "stale", "the tip moved")

    uid = accept(node)
    template = (await api.get("/mining/template")).json
    node.writer.run(lambda: mempool.drop(uid, "test"))
    found = {"template": template["template"], "proof": proof_for(template["puzzle"])}
    async with unchanged():
        problem(await api.post("/mining/blocks", found), 409, "stale", "left the pool")


async def test_of_two_proofs_at_once_one_is_stored(api: Api, node: lifecycle.Node) -> None:
    accept(node)
    templates = [(await api.get(f"/mining/template?recipient={name}")).json for name in "abcd"]
    found = [{"template": one["template"], "proof": proof_for(one["puzzle"])} for one in templates]
    answers = await asyncio.gather(*(api.post("/mining/blocks", one) for one in found))
    assert sorted(answer.status for answer in answers) == [201, 409, 409, 409]
    assert (await api.get("/blocks/tip")).json["index"] == 2


@pytest.mark.parametrize("conf", [{"difficulty": 4}], indirect=True)
async def test_a_proof_that_does_not_hold_is_refused(api: Api, unchanged: Unchanged) -> None:
    template = (await api.get("/mining/template")).json
    bad = next(n for n in range(10) if n != proof_for(template["puzzle"]))
    async with unchanged():
        answer = await api.post("/mining/blocks", {"template": template["template"], "proof": bad})
    problem(answer, 422, "invalid", "the proof's hash starts with")


@pytest.mark.parametrize("name", ["x", "", "a.b:c:d", "x" * 4000, "x" * 4001])
async def test_a_template_that_this_node_did_not_make_is_refused(
    api: Api, unchanged: Unchanged, name: str
) -> None:
    async with unchanged():
        answer = await api.post("/mining/blocks", {"template": name, "proof": 1})
    problem(answer, 422, "invalid")


@pytest.mark.parametrize("proof", [-1, 1.5, None, True, "x", "9" * 401])
async def test_a_proof_that_is_no_number_is_refused(api: Api, proof: object) -> None:
    answer = await api.post("/mining/blocks", {"template": "x", "proof": proof})
    problem(answer, 422, "invalid")


@pytest.mark.parametrize("name", ["", "a%0Ab", "x" * 257])
async def test_a_recipient_that_cannot_be_one_is_refused(api: Api, name: str) -> None:
    problem(await api.get(f"/mining/template?recipient={name}"), 422, "invalid")


async def test_a_new_template_is_told_of_when_the_tip_moves(
    api: Api, node: lifecycle.Node, reading: Reading
) -> None:
    first = (await api.get("/mining/template")).json
    waiting = asyncio.create_task(api.get(f"/mining/template?wait=20&tip={first['previous_hash']}"))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await reading(lambda: mine(node))
    assert (await waiting).json["index"] == 3
    again = (await api.get(f"/mining/template?wait=20&tip={first['previous_hash']}")).json
    assert again["index"] == 3, "the tip is another one already"
