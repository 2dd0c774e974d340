"""The page of peers: how they stand to us, and the two forms."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest
from django.test import AsyncClient
from django.utils import timezone

from ledger.models import Peer
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.views import peers
from tests.consensus.chains import body_of, make_chain, recorded
from tests.network.old_node import RecordedNode
from tests.node import chains

from .forked import HOSTILE, get, outgrow, post, queries, read, seal


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def relations() -> dict[str, str]:
    rows = get("/peers?as=json").json()["rows"]
    return {row["address"]: row["relation"] for row in rows}


def test_without_peers_it_says_what_to_do(node: lifecycle.Node) -> None:
    text = read(get("/peers"))
    assert "No peers yet" in text
    assert "ours has 1 block" in text
    assert text.count("/nodes/register") == 2 + 3, "in both directions; beside the form, three ways"


def test_after_a_round_each_peer_stands_somewhere(node: lifecycle.Node) -> None:
    seal(node, 3)
    ours, network = chains.active_texts(), node.identity.network
    fork = chains.grow(ours[:2], [[], []], 5.0, network)
    bodies = {
        "agrees": chains.body(ours),
        "behind": chains.body(ours[:2]),
        "forked": chains.body(fork),
        "network": recorded("js"),
        "invalid": chains.body([ours[0], ours[2]]),
    }
    with contextlib.ExitStack() as stack:
        served = {
            stack.enter_context(RecordedNode(body)).address: name for name, body in bodies.items()
        }
        served["127.0.0.1:9"] = "unreachable"
        for address in served:
            node.writer.run(lambda address=address: _know(address))
        assert set(relations().values()) == {"unasked"}
        node.syncer.resolve().result()
    assert relations() == served
    text = read(get("/peers"))
    assert "2 behind" in text
    assert "shared up to block 2" in text
    assert "nothing listens there" in text
    assert queries(peers._peers) == 4


def _know(address: str) -> None:
    Peer.objects.create(address=address, registered_at=timezone.now())


def test_a_peer_whose_chain_we_took_agrees_until_we_go_on(node: lifecycle.Node) -> None:
    theirs = body_of(make_chain(node.identity.network, 3))
    with RecordedNode(theirs) as peer:
        node.writer.run(lambda: _know(peer.address))
        node.syncer.resolve().result()
        assert relations() == {peer.address: "agrees"}
        seal(node, 2)
        assert relations() == {peer.address: "behind"}
        outgrow(node, 2, [[], [], [], []])
        (row,) = get("/peers?as=json").json()["rows"]
        assert (row["relation"], row["shared"], row["length"]) == ("forked", 2, 3)


class TestRegister:
    def test_it_is_remembered_and_the_page_that_follows_says_so(self, node: lifecycle.Node) -> None:
        answer = post("/peers/register", {"address": "http://LOCALHOST:5001/, 10.0.0.1:5000"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/peers")
        assert "notice" in answer.cookies
        assert list(relations()) == ["localhost:5001", "10.0.0.1:5000"]

    def test_the_error_is_beside_the_field_and_the_input_is_kept(
        self, node: lifecycle.Node
    ) -> None:
        answer = post("/peers/register", {"address": HOSTILE})
        page = answer.content.decode()
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in page
        assert HOSTILE not in page
        assert 'value="&lt;script&gt;' in page
        assert relations() == {}

    @pytest.mark.parametrize("address", ["", " , ", "ftp://x", "169.254.169.254:80"])
    def test_what_is_no_address_is_refused(self, node: lifecycle.Node, address: str) -> None:
        answer = post("/peers/register", {"address": address}, accept="application/json")
        assert answer.status_code == 422
        assert answer.json()["errors"]["address"]

    def test_without_our_token_nothing_happens(self, node: lifecycle.Node) -> None:
        for path in ("/peers/register", "/peers/resolve"):
            client = AsyncClient(enforce_csrf_checks=True)
            form = {"data": "address=a:1", "content_type": "application/x-www-form-urlencoded"}
            assert asyncio.run(client.post(path, **form)).status_code == 403
            assert get(path).status_code == 405
        assert relations() == {}


class TestResolve:
    def test_without_peers_it_says_so(self, node: lifecycle.Node) -> None:
        answer = post("/peers/resolve", {}, accept="application/json")
        assert answer.json() == {
            "message": "There is no peer to ask. Register one first.",
            "reports": [],
        }

    def test_a_longer_chain_is_followed_and_each_peers_answer_told(
        self, node: lifecycle.Node
    ) -> None:
        with RecordedNode(body_of(make_chain(node.identity.network, 4))) as peer:
            for address in (peer.address, "127.0.0.1:9"):
                node.writer.run(lambda address=address: _know(address))
            answer = post("/peers/resolve", {}, accept="application/json").json()
            assert answer["message"].endswith("The tip is block 4 now.")
            assert answer["reports"] == [
                {"address": peer.address, "length": 4, "failure": ""},
                {"address": "127.0.0.1:9", "length": None, "failure": "nothing listens there"},
            ]
            again = post("/peers/resolve", {})
            assert (again.status_code, again.headers["Location"]) == (303, "/peers")


def test_a_hostile_address_and_reason_are_text(node: lifecycle.Node) -> None:
    def know() -> None:
        now = timezone.now()
        Peer.objects.create(
            address=HOSTILE, registered_at=now, failure=f"it said {HOSTILE}", last_failure_at=now
        )

    node.writer.run(know)
    page = get("/peers")
    assert HOSTILE not in page.content.decode()
    assert read(page).count(HOSTILE) == 2
