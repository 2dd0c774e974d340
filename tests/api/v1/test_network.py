"""Peers, forks and reorganisations, as programs are told of them."""

from __future__ import annotations

from ledger.models import Block
from ledger.node import lifecycle
from ledger.node.network import peers
from tests.api.conftest import Reading
from tests.node.chains import active_texts, adopt, grow, reward

from .conftest import Api, problem


async def test_peers_are_listed_and_counted(api: Api, node: lifecycle.Node) -> None:
    known = ["10.0.0.1:5000", "10.0.0.2:5000"]
    await node.writer.perform(lambda: peers.register(known, 64))
    said = (await api.get("/peers")).json
    assert [peer["address"] for peer in said["peers"]] == known
    assert said["counts"]["unasked"] == 2
    assert said["tip"]["index"] == 1
    assert sum(said["counts"].values()) == 2


async def test_a_chain_that_was_left_is_a_side_branch(
    api: Api, node: lifecycle.Node, left: Block
) -> None:
    said = (await api.get("/forks")).json
    assert said["tip"]["index"] == 5
    (branch,) = said["branches"]
    assert branch["tip"] == {"index": 3, "hash": left.hash}
    assert (branch["fork_index"], branch["length"]) == (1, 2)
    assert [block["index"] for block in branch["blocks"]] == [2, 3]


async def test_a_reorganisation_has_an_account(api: Api, node: lifecycle.Node, left: Block) -> None:
    (row,) = (await api.get("/reorganisations")).json["reorganisations"]
    assert (row["disconnected"], row["connected"], row["returned"]) == (2, 4, 1)
    account = (await api.get(f"/reorganisations/{row['id']}")).json
    assert account["old_tip"] == {"index": 3, "hash": left.hash}
    assert [block["index"] for block in account["left"]["blocks"]] == [3, 2]
    assert [block["index"] for block in account["came"]["blocks"]] == [5, 4, 3, 2]
    (effect,) = account["transactions"]
    assert (effect["effect"], effect["state"], effect["block"]) == ("returned", "returned", None)


async def test_the_journal_comes_in_pages(api: Api, node: lifecycle.Node, reading: Reading) -> None:
    def change_over(times: int) -> None:
        for time in range(times):
            first = active_texts()[:1]
            adopt(grow(first, [[reward(f"n{time}")]] * (time + 2), float(time)), node.writer)

    await reading(lambda: change_over(6))
    rows = await api.pages("/reorganisations?limit=2", "reorganisations")
    assert [row["id"] for row in rows] == sorted((row["id"] for row in rows), reverse=True)
    assert len(rows) == (await api.get("/reorganisations")).json["count"] == 5


async def test_one_that_there_is_not_is_a_problem(api: Api) -> None:
    problem(await api.get("/reorganisations/7"), 404, "not-found", "there were 0")
    for number in ("0", "-1", "x", "9" * 30):
        problem(await api.get(f"/reorganisations/{number}"), 422, "invalid")
