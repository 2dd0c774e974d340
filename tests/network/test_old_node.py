"""The old node that other tests speak to is itself what the protocol says old nodes are."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from ledger.consensus import DIALECTS as OUR_DIALECTS
from ledger.consensus import Network, Refused, read_chain

from . import old_node
from .old_node import DIALECTS, OldNode, RecordedNode, hash_block, valid_chain

VECTORS = Path(__file__).parents[1] / "vectors"
each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


def post(http: requests.Session, url: str, value: Any) -> requests.Response:
    return http.post(url, json=value, timeout=10)


def get(http: requests.Session, url: str) -> requests.Response:
    return http.get(url, timeout=30)


def recorded(name: str) -> bytes:
    return (VECTORS / f"{name}-a.json").read_bytes()


@each_dialect
def test_the_recorded_chain_of_its_dialect_is_valid_to_it(dialect: str) -> None:
    chain = json.loads(recorded(dialect))["chain"]
    assert valid_chain(chain, dialect=dialect)
    assert not valid_chain(chain, dialect=dialect, difficulty=6)
    chain[3]["transactions"][0]["amount"] += 1
    assert not valid_chain(chain, dialect=dialect)


def test_the_recorded_chain_of_the_other_dialects_is_not() -> None:
    assert not valid_chain(json.loads(recorded("seed"))["chain"], dialect="dvf")
    assert not valid_chain(json.loads(recorded("dvf"))["chain"], dialect="seed")
    for dialect in DIALECTS:
        assert not valid_chain(json.loads(recorded("js"))["chain"], dialect=dialect)


def test_the_articles_first_proofs_are_the_protocols() -> None:
    chain = old_node.Blockchain("seed", 4)
    proofs = [100]
    for _ in range(3):
        proofs.append(chain.proof_of_work({"proof": proofs[-1]}))
    assert proofs == [100, 35293, 35089, 119678]


@each_dialect
def test_the_five_endpoints_answer_to_the_letter(dialect: str, http: requests.Session) -> None:
    with OldNode(dialect, 2) as node:
        taken = post(
            http, node.url + "/transactions/new", {"sender": "앨", "recipient": "b", "amount": 1.5}
        )
        assert (taken.status_code, taken.text) == (
            201,
            '{"message":"Transaction will be added to Block 2"}\n',
        )
        mined = get(http, node.url + "/mine")
        assert mined.status_code == 200
        assert mined.json() == {
            "message": "New Block Forged",
            "index": 2,
            "transactions": [
                {"sender": "앨", "recipient": "b", "amount": 1.5},
                {"sender": "0", "recipient": node.identifier, "amount": 1},
            ],
            "proof": node.chain[1]["proof"],
            "previous_hash": hash_block(node.chain[0]),
        }
        chain = get(http, node.url + "/chain")
        assert chain.headers["Content-Type"] == "application/json"
        assert chain.text == (
            json.dumps({"chain": node.chain, "length": 2}, sort_keys=True, separators=(",", ":"))
            + "\n"
        )
        assert node.chain[0]["previous_hash"] == (1 if dialect == "seed" else "1")
        added = post(
            http,
            node.url + "/nodes/register",
            {"nodes": ["http://192.168.0.5:5000", "http://192.168.0.5:5000/x"]},
        )
        assert (added.status_code, added.json()) == (
            201,
            {"message": "New nodes have been added", "total_nodes": ["192.168.0.5:5000"]},
        )
        node.blockchain.nodes.clear()
        resolved = get(http, node.url + "/nodes/resolve").json()
        assert resolved == {"message": "Our chain is authoritative", "chain": node.chain}


def test_what_is_wrong_with_a_request_is_told_as_flask_tells_it(http: requests.Session) -> None:
    with OldNode() as node:
        missing = post(http, node.url + "/transactions/new", {"sender": "a", "amount": 1})
        assert (missing.status_code, missing.text) == (400, "Missing values")
        assert missing.headers["Content-Type"] == "text/html; charset=utf-8"
        nobody = post(http, node.url + "/nodes/register", {})
        assert nobody.status_code == 400
        assert nobody.text == "Error: Please supply a valid list of nodes"
        form = http.post(node.url + "/transactions/new", data={"sender": "a"}, timeout=10)
        assert form.status_code == 415
        broken = http.post(
            node.url + "/transactions/new",
            data=b"{",
            headers={"Content-Type": "application/json"},
            timeout=10,
        )
        assert broken.status_code == 400
        assert post(http, node.url + "/transactions/new", 5).status_code == 500
        assert get(http, node.url + "/mine/").status_code == 404
        wrong = post(http, node.url + "/mine", {})
        assert (wrong.status_code, wrong.headers["Allow"]) == (405, "HEAD, GET, OPTIONS")
        options = http.options(node.url + "/nodes/register", timeout=10)
        assert (options.status_code, options.headers["Allow"]) == (200, "OPTIONS, POST")
        head = http.head(node.url + "/chain", timeout=10)
        assert (head.status_code, head.content) == (200, b"")
        assert int(head.headers["Content-Length"]) == len(get(http, node.url + "/chain").content)
        assert len(node.chain) == 1 and node.blockchain.current_transactions == []


@each_dialect
def test_two_old_nodes_register_and_resolve_each_other(
    dialect: str, http: requests.Session
) -> None:
    with OldNode(dialect, 3) as one, OldNode(dialect, 3) as two:
        for node, peer in ((one, two), (two, one)):
            assert post(http, node.url + "/nodes/register", {"nodes": [peer.url]}).json()[
                "total_nodes"
            ] == [peer.address]
        for _ in range(2):
            get(http, one.url + "/mine")
        get(http, two.url + "/mine")
        ours = get(http, one.url + "/nodes/resolve").json()
        assert (ours["message"], len(ours["chain"])) == ("Our chain is authoritative", 3)
        theirs = get(http, two.url + "/nodes/resolve").json()
        assert theirs == {"message": "Our chain was replaced", "new_chain": one.chain}
        assert two.chain == one.chain
        get(http, two.url + "/mine")
        assert get(http, one.url + "/nodes/resolve").json()["new_chain"] == two.chain


def test_a_shorter_a_false_and_an_equal_chain_replace_nothing(http: requests.Session) -> None:
    body = recorded("seed")
    with OldNode("seed") as node, RecordedNode(body) as peer:
        post(http, node.url + "/nodes/register", {"nodes": [peer.url]})
        assert "new_chain" in get(http, node.url + "/nodes/resolve").json()
        for other in (body, recorded("dvf").replace(b'"length":9', b'"length":99')):
            peer.body = other
            assert "chain" in get(http, node.url + "/nodes/resolve").json()
        assert peer.asked == 3


def test_a_length_is_believed_as_the_article_believes_it(http: requests.Session) -> None:
    with OldNode("seed", 4) as node, RecordedNode(b"") as peer:
        genesis = node.chain[0] | {"timestamp": 0}
        peer.body = json.dumps({"chain": [genesis], "length": 10**9}).encode()
        post(http, node.url + "/nodes/register", {"nodes": [peer.url]})
        assert get(http, node.url + "/nodes/resolve").json()["new_chain"] == [genesis]


def test_one_dead_peer_makes_resolve_a_500(http: requests.Session) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and never listening: nobody answers there
        dead = f"127.0.0.1:{taken.getsockname()[1]}"
        with OldNode() as node:
            post(http, node.url + "/nodes/register", {"nodes": [f"http://{dead}"]})
            assert get(http, node.url + "/nodes/resolve").status_code == 500


@each_dialect
@pytest.mark.parametrize("indent", [None, 2])
def test_our_rules_read_what_an_old_node_serves(
    dialect: str, indent: int | None, http: requests.Session
) -> None:
    with OldNode(dialect, 2, indent=indent) as node:
        for name in ("앨리스", '"\\\x00\n', "\ud800", ""):
            post(
                http,
                node.url + "/transactions/new",
                {"sender": name, "recipient": [name], "amount": 10**30, "extra": 1.0},
            )
            get(http, node.url + "/mine")
        network = Network(OUR_DIALECTS[dialect], 2)
        with http.get(node.url + "/chain", stream=True, timeout=10) as response:
            blocks = list(read_chain(response.iter_content(100), network))
        assert [block.hash for block in blocks] == [hash_block(block) for block in node.chain]
        with pytest.raises(Refused):
            other = Network(OUR_DIALECTS["dvf" if dialect == "seed" else "seed"], 2)
            list(read_chain([get(http, node.url + "/chain").content], other))


@each_dialect
def test_an_old_node_takes_a_chain_that_we_serve(dialect: str, http: requests.Session) -> None:
    network = Network(OUR_DIALECTS[dialect], 4)
    blocks = list(read_chain([recorded(dialect)], network))
    ours = '{"chain": [' + ", ".join(block.canonical for block in blocks) + '], "length": 9}'
    with OldNode(dialect) as node, RecordedNode(ours.encode()) as peer:
        post(http, node.url + "/nodes/register", {"nodes": [peer.url]})
        assert get(http, node.url + "/nodes/resolve").json()["message"] == "Our chain was replaced"
        assert [hash_block(block) for block in node.chain] == [block.hash for block in blocks]


def test_it_runs_as_a_process_and_prints_its_address(http: requests.Session) -> None:
    command = [sys.executable, old_node.__file__, "--dialect", "dvf", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert re.fullmatch(r"127\.0\.0\.1:\d+", address)
            assert get(http, f"http://{address}/chain").json()["length"] == 1
        finally:
            process.terminate()
