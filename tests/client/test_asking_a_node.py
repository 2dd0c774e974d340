"""The client on a real node: what it sends and what comes back."""

from __future__ import annotations

import hashlib
import re

import pytest

import ledger.client.client
from ledger.client import Client, Problem
from tests.api.v1.conftest import proof_for
from tests.processes import PROJECT, NodeProcess

LARGE = 2**53 + 1


def mined(client: Client, count: int = 1) -> None:
    for _ in range(count):
        after = client.mine()["after"]
        next(one for one in client.events(after) if one["kind"] == "block")


def test_a_node_says_who_it_is(client: Client) -> None:
    said = client.node()
    assert (said["software"], said["network"]["difficulty"]) == ("chainsite", 2)


def test_a_transaction_lives_and_amounts_are_integers(client: Client) -> None:
    taken = client.submit("ann", "ben", LARGE)
    assert client.transaction(taken["id"])["amount"] == LARGE
    assert LARGE in [one["amount"] for one in client.pool(200)["transactions"]]
    mined(client)
    life = client.transaction(taken["id"])
    assert (life["state"], life["place"]["index"]) == ("confirmed", taken["promised_index"])
    assert client.address("ben")["balance"] == LARGE
    assert [one["change"] for one in client.history("ann")] == [-LARGE]
    assert next(client.transactions())["id"] == taken["id"]


def test_names_are_kept_as_they_are(client: Client) -> None:
    name = "a/b?c#d ../é&x=y"
    client.submit(name, "..", 1)
    assert client.address(name)["name"] == name
    assert client.address("..")["pending"][0]["sender"] == name


def test_blocks_come_in_pages_and_none_is_left_out(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger.client.client, "_PAGE", 2)
    mined(client, 4)
    tip = client.block()
    indices = [block["index"] for block in client.blocks()]
    assert indices == list(range(tip["index"], 0, -1))
    middle = client.blocks(2, 4, oldest_first=True)
    assert [block["index"] for block in middle] == [2, 3, 4]
    assert len(list(client.block_transactions(tip["hash"]))) == tip["transactions"]


def test_the_bytes_of_a_block_have_its_hash(client: Client) -> None:
    tip = client.block("tip")
    raw = client.block_bytes(tip["hash"])
    assert hashlib.sha256(raw).hexdigest() == tip["hash"]
    assert client.block(tip["index"])["proof"] == tip["proof"]
    assert type(tip["proof"]) is int


def test_an_outside_miner_gets_a_block_onto_the_chain(client: Client) -> None:
    template = client.template("outsider")
    proof = proof_for(template["puzzle"])
    assert template["transactions"][-1]["amount"] == 1
    sealed = client.submit_block(template["template"], proof)
    assert client.block()["hash"] == sealed["hash"]
    with pytest.raises(Problem) as refused:
        client.submit_block(template["template"], proof)
    assert (refused.value.name, refused.value.status) == ("stale", 409)


def test_what_is_refused_is_a_problem_with_its_reason(client: Client) -> None:
    with pytest.raises(Problem, match="no block") as refused:
        client.block(10**6)
    problem = refused.value
    assert (problem.type, problem.status) == ("/api/problems/not-found", 404)
    assert problem.title == "There is no such thing"
    with pytest.raises(Problem) as refused:
        client.submit("ann", "ben", -5)
    assert refused.value.name == "invalid"
    assert refused.value.errors[0]["where"] == "body.amount"


def test_a_dry_run_gives_all_reasons(client: Client) -> None:
    said = client.check_transaction("0", "", -5)
    assert not said["acceptable"]
    assert len(said["reasons"]) == 3
    assert client.check_transaction("ann", "ben", 5)["acceptable"]


def test_the_rest_is_asked_for(client: Client) -> None:
    assert client.search("1")["hits"][0]["kind"] == "block"
    assert client.peers()["peers"] == []
    while client.mining(wait=5)["searching"]:
        pass
    assert client.cancel_mining() is False


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://a:b@x", "http://x?y", "x:99999"])
def test_what_is_no_address_of_a_node_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        Client(url)


def test_the_readmes_lines_run_as_pasted(running: NodeProcess) -> None:
    readme = (PROJECT / "README.md").read_text()
    (lines,) = re.findall(r"```python\n(from ledger\.client .*?)```", readme, re.DOTALL)
    assert len([line for line in lines.splitlines() if line]) == 5
    printed: list[object] = []
    here = {"print": lambda *values: printed.append(values)}
    exec(lines.replace("http://127.0.0.1:8000", running.url), here)  # noqa: S102  # it is what is tested
    assert printed
