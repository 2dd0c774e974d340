"""The page of peers: how they stand to us, and the two forms."""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

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
    return replace(conf, difficulty=1, is_automatic=True)


def relations() -> dict[str, str]:
    rows = get("/peers?as=json").json()["rows"]
    return {row["address"]: row["relation"] for row in rows}


def test_without_peers_it_says_what_to_do(node: lifecycle.Node) -> None:
    text = read(get("/peers"))
    assert "No peers yet" in text
    assert "ours has 1 block" in text
    assert text.count("/nodes/register") == 2 + 3, "in both directions; beside the form, three ways"
    assert "Naming one to the other is enough among chainsite nodes" in text
    assert "/nodes/resolve" not in text[text.index("Naming one") :]
    assert f"old ones every {node.conf.poll_every:g} s" in text


class TestManual:
    @pytest.fixture
    def conf(self, conf: NodeConf) -> NodeConf:
        return replace(conf, is_automatic=False)

    def test_it_says_that_nothing_happens_by_itself(self, node: lifecycle.Node) -> None:
        node.writer.run(lambda: _know("10.0.0.1:1", next_visit_at=timezone.now()))
        text = read(get("/peers"))
        assert "This node only asks when told" in text
        assert "when told" in text[text.index("10.0.0.1:1") :]
        recipe = text[text.index("Introduce two nodes") :]
        assert recipe.count("/nodes/register") == 2
        assert recipe.count("/nodes/resolve") == 1


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


def _know(address: str, **values: Any) -> None:
    Peer.objects.create(address=address, registered_at=timezone.now(), **values)


def _said_of(node: lifecycle.Node, **values: Any) -> str:
    """What the page says of a peer with these values."""
    node.writer.run(lambda: _know("10.0.0.1:5000", **values))
    text = read(get("/peers"))
    return text[text.index("10.0.0.1:5000") :]


NO = "\N{EN DASH}"
OURS = {"kind": "ours", "version": "0.1.0", "capabilities": "blocks transactions"}
SOON = timedelta(seconds=30)
HOUR = timedelta(hours=1)


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


class TestOfEachPeerItSays:
    """In words, whatever is known of it."""

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({}, f"not known yet registered over the protocol not asked yet {NO} never {NO} "),
            (OURS | {"source": "introduced"}, "chainsite 0.1.0 introduced itself not asked yet"),
            ({"kind": "old", "source": "exchanged"}, "old node named by another peer"),
            ({"source": "discovered"}, "found on the local network"),
            (OURS | {"source": "bootstrap", "knows_us": True}, "in the settings · knows this node"),
            (OURS | {"speaks": "seed, difficulty 1"}, "0.1.0 · speaks seed, difficulty 1 "),
            ({"standing": "paused"}, "paused"),
        ],
    )
    def test_who_it_is_and_where_from(
        self, node: lifecycle.Node, values: dict[str, Any], words: str
    ) -> None:
        assert words in _said_of(node, **values)

    def test_that_chains_of_another_network_cannot_merge(self, node: lifecycle.Node) -> None:
        said = _said_of(
            node, speaks="dvf, difficulty 4", fault="network", failure="the proof does not fit"
        )
        assert "speaks dvf, difficulty 4 : chains cannot merge" in said
        assert "other network the proof does not fit" in said

    def test_why_it_failed_how_often_and_when_it_is_asked_again(self, node: lifecycle.Node) -> None:
        now = timezone.now()
        said = _said_of(
            node,
            **{"failure": "nothing listens there", "fault": "unreachable", "failures": 6},
            **{"last_failure_at": now, "next_visit_at": now + SOON},
        )
        assert "unreachable nothing listens there · just now · 6 times in a row" in said
        assert re.search(r"never in (29|30) s", said)

    def test_that_it_recovered(self, node: lifecycle.Node) -> None:
        now = timezone.now()
        said = _said_of(
            node, length=1, last_success_at=now, last_failure_at=now - HOUR, latency=0.0124
        )
        assert "1 just now · 12 ms failed last 1 h ago" in said

    def test_until_when_it_is_banned_and_why(self, node: lifecycle.Node) -> None:
        said = _said_of(
            node, standing="banned", banned_until=timezone.now() + HOUR, ban_reason="spam"
        )
        assert "banned ends in 1 h · spam" in said

    def test_a_ban_for_good(self, node: lifecycle.Node) -> None:
        assert "banned for good" in _said_of(node, standing="banned")

    def test_nothing_of_a_ban_that_is_over(self, node: lifecycle.Node) -> None:
        over = timezone.now() - HOUR
        said = _said_of(node, standing="banned", banned_until=over, ban_reason="spam")
        assert "not asked yet" in said
        assert "spam" not in said

    def test_that_it_is_the_same_node_as_another(self, node: lifecycle.Node) -> None:
        said = _said_of(node, **OURS, alias_of="10.0.0.9:5000", next_visit_at=timezone.now())
        assert f"same node the same as 10.0.0.9:5000 {NO} never {NO} " in said

    def test_that_it_is_this_node(self, node: lifecycle.Node) -> None:
        assert "same node this node itself" in _said_of(node, alias_of=Peer.ITSELF)

    def test_how_it_misbehaved_as_of_now(self, node: lifecycle.Node) -> None:
        said = _said_of(node, score=40.0, scored_at=timezone.now() - HOUR)
        assert "misbehaved: score 20.0, halves every hour" in said

    def test_nothing_of_what_has_decayed(self, node: lifecycle.Node) -> None:
        assert "misbehaved" not in _said_of(
            node, score=40.0, scored_at=timezone.now() - timedelta(days=2)
        )


def test_page_forks_and_dashboard_count_alike(node: lifecycle.Node) -> None:
    def know() -> None:
        _know("10.0.0.1:1", **OURS, length=1, tip_hash="ab" * 32, shared=0)
        _know("10.0.0.2:1", failure="no", fault="unreachable")
        _know("10.0.0.3:1", alias_of="10.0.0.1:1")
        _know("10.0.0.4:1")

    node.writer.run(know)
    said = "0 of 3 agree, 1 forked, 1 unreachable"
    assert all(said in read(get(path)) for path in ("/peers", "/forks", "/", "/kiosk"))
    counts = get("/peers?as=json").json()["counts"]
    assert get("/forks?as=json").json()["tree"]["counts"] == counts
    assert get("/?as=json").json()["network"]["peers"] == counts


def test_what_a_peer_says_of_itself_is_text(node: lifecycle.Node) -> None:
    said = dict.fromkeys(("version", "capabilities", "speaks", "alias_of"), HOSTILE)
    node.writer.run(lambda: _know("10.0.0.1:1", kind="ours", **said))
    assert HOSTILE not in get("/peers").content.decode()
    assert read(get("/peers")).count(HOSTILE) == 3, "and the capabilities, in an attribute"


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
