"""What the operator says of peers: who is asked, who may come back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from ledger.models import Event, Peer
from ledger.node import lifecycle, operator, overview
from ledger.node.conf import NodeConf
from ledger.node.errors import NodeError, NotAccepted, Overloaded
from ledger.node.network import peers
from ledger.queries import peers as queries

ONE, OTHER = "10.0.0.1:5000", "10.0.0.2:5000"


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, peers=2)


def register(node: lifecycle.Node, *addresses: str) -> list[str]:
    return node.writer.run(lambda: peers.register(addresses, node.conf.peers))


def acts() -> list[tuple[str, str]]:
    rows = Event.objects.filter(kind="operator").order_by("pk").values_list("payload", flat=True)
    told = [json.loads(payload) for payload in rows]
    return [(one["act"], one["subject"]) for one in told]


def test_one_is_added_under_its_address_with_a_note(node: lifecycle.Node) -> None:
    done = operator.add_peer(" http://10.0.0.1:5000/ ", "the  lab's")
    assert (done.act, done.address) == ("added", ONE)
    assert Peer.objects.get().note == "the lab's"
    assert peers.active_addresses() == [ONE]
    assert Event.objects.filter(kind="peer").count() == 1


def test_adding_refuses_what_is_known_and_what_is_no_address(node: lifecycle.Node) -> None:
    operator.add_peer(ONE)
    with pytest.raises(NotAccepted, match="is known already"):
        operator.add_peer(ONE)
    with pytest.raises(NotAccepted):
        operator.add_peer("http://user@10.0.0.1/path")
    operator.add_peer(OTHER)
    with pytest.raises(Overloaded, match="at most 2 peers"):
        operator.add_peer("10.0.0.3:5000")


def test_a_paused_one_is_listed_but_not_asked_until_it_is_resumed(node: lifecycle.Node) -> None:
    register(node, ONE, OTHER)
    operator.pause_peer(ONE)
    assert peers.active_addresses() == [OTHER]
    assert register(node, ONE) == [ONE, OTHER], "registering it again does not resume it"
    assert [one["relation"] for one in queries.described(1)] == ["paused", "unasked"]
    with pytest.raises(NotAccepted, match="is not active"):
        operator.pause_peer(ONE)
    operator.resume_peer(ONE)
    assert peers.active_addresses() == [ONE, OTHER]
    with pytest.raises(NotAccepted, match="is not paused"):
        operator.resume_peer(ONE)
    assert acts() == [("pause-peer", ONE), ("resume-peer", ONE)]


def test_a_banned_one_is_neither_asked_nor_listed_nor_registered(node: lifecycle.Node) -> None:
    register(node, ONE)
    done = operator.ban_peer(ONE, "floods us")
    assert str(done) == f"{ONE} is banned for good."
    assert peers.active_addresses() == peers.known_addresses() == []
    assert overview.overview()["peers"] == 0
    assert queries.described(1)[0]["relation"] == "banned"
    with pytest.raises(NotAccepted, match=f"{ONE} is banned on this node"):
        register(node, OTHER, ONE)
    assert peers.known_addresses() == [], "of those named none was taken"
    assert register(node, OTHER, "10.0.0.3:5000"), "it takes no place among the peers"
    with pytest.raises(NotAccepted, match="is banned"):
        operator.add_peer(ONE)
    with pytest.raises(NotAccepted, match="unban it first"):
        operator.remove_peer(ONE)
    operator.unban_peer(ONE)
    assert ONE in peers.active_addresses()
    row = Peer.objects.get(address=ONE)
    assert (row.standing, row.ban_reason, row.banned_until) == ("active", "", None)


def test_one_that_was_never_known_can_be_banned(node: lifecycle.Node) -> None:
    operator.ban_peer(ONE)
    with pytest.raises(NotAccepted):
        register(node, ONE)


def test_a_ban_ends_when_its_time_is_over(node: lifecycle.Node) -> None:
    register(node, ONE)
    until = timezone.now() + timedelta(hours=1)
    assert "is banned until" in str(operator.ban_peer(ONE, "for now", until))
    with pytest.raises(NotAccepted):
        register(node, ONE)
    Peer.objects.update(banned_until=timezone.now() - timedelta(seconds=1))
    assert peers.active_addresses() == [ONE]
    assert queries.described(1)[0]["relation"] == "unasked"
    assert register(node, ONE) == [ONE]
    assert Peer.objects.get().standing == "active"
    with pytest.raises(NotAccepted, match="is over"):
        operator.ban_peer(ONE, "", timezone.now())


def test_a_new_address_forgets_what_was_learned_of_the_old_one(node: lifecycle.Node) -> None:
    register(node, ONE)
    Peer.objects.update(length=7, tip_hash="ab" * 32, failure="down", fault="unreachable")
    operator.edit_peer(ONE, note="moves soon")
    assert Peer.objects.get().length == 7
    assert operator.edit_peer(ONE, new_address=f"http://{OTHER}").address == OTHER
    row = Peer.objects.get()
    assert (row.address, row.length, row.tip_hash, row.failure) == (OTHER, None, "", "")
    assert row.note == "moves soon"
    register(node, ONE)
    with pytest.raises(NotAccepted, match="is known already"):
        operator.edit_peer(ONE, new_address=OTHER)
    with pytest.raises(NotAccepted, match="nothing to change"):
        operator.edit_peer(ONE)


def test_a_removed_one_may_come_back(node: lifecycle.Node) -> None:
    register(node, ONE)
    operator.remove_peer(ONE)
    assert not Peer.objects.exists()
    assert register(node, ONE) == [ONE]
    assert acts() == [("remove-peer", ONE)]


@pytest.mark.parametrize(
    "act",
    [
        operator.edit_peer,
        operator.pause_peer,
        operator.resume_peer,
        operator.unban_peer,
        operator.remove_peer,
    ],
)
def test_an_unknown_one_is_refused(node: lifecycle.Node, act: Callable[[str], object]) -> None:
    with pytest.raises(NodeError, match=f"there is no peer {ONE}"):
        act(ONE)
    with pytest.raises(NodeError):
        act("no address at all")


def test_only_active_ones_are_asked(node: lifecycle.Node) -> None:
    register(node, "127.0.0.1:64999", "127.0.0.1:64998")  # nothing listens there
    operator.pause_peer("127.0.0.1:64998")
    done = operator.resolve()
    assert [report.address for report in done.reports] == ["127.0.0.1:64999"]
    assert str(done) == "Our chain stays. 0 of 1 peers answered."
    operator.ban_peer("127.0.0.1:64999")
    assert str(operator.resolve()) == "There is no peer to ask."
