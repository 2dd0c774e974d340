"""What a node does about its peers by itself: recognising, introducing, pausing, giving up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from ledger.consensus import DVF, Network
from ledger.models import Event, Peer
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.node.errors import NodeError, NotAccepted, Overloaded
from ledger.node.network import health, peers
from ledger.node.network.findings import Finding
from ledger.node.network.recognition import Position
from ledger.node.network.visit import News
from tests.consensus.chains import body_of, make_block, make_chain
from tests.node.chains import NETWORK, genesis, grow, reward

from .hostile import RawPeer, sends, whole
from .new_node import NewNode
from .old_node import OldNode, RecordedNode


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(
        conf, difficulty=NETWORK.difficulty, poll_every=0.1, peer_deadline=1.0, port=18999
    )


@pytest.fixture
def keeping(node: lifecycle.Node) -> lifecycle.Node:
    """A node that looks after its peers by itself."""
    node.keeper.start()
    return node


Register = Callable[..., None]


@pytest.fixture
def register(node: lifecycle.Node) -> Register:
    def remember(*addresses: str, source: str = Peer.Source.REGISTERED) -> None:
        node.writer.run(lambda: peers.register(addresses, node.conf.peers, source=source))

    return remember


def peer(address: str) -> Peer:
    return Peer.objects.get(address=address)


def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def texts(length: int = 5) -> list[str]:
    return grow([genesis(4.0)], [[reward("them")]] * (length - 1), 4.0)


class TestOurKind:
    @pytest.fixture
    def played(self) -> Iterator[NewNode]:
        with NewNode(texts(), NETWORK) as node:
            yield node

    def test_it_is_recognised_followed_and_told_of_us(
        self, keeping: lifecycle.Node, register: Register, played: NewNode
    ) -> None:
        register(played.address)
        until(lambda: peer(played.address).length == 5)
        row = peer(played.address)
        assert (row.kind, row.version, row.identifier) == ("ours", "9.9", "b" * 32)
        assert row.capabilities == "blocks transactions addresses announcements"
        assert row.speaks == "seed, difficulty 1"
        assert (row.failures, row.failure, row.alias_of) == (0, "", "")
        assert row.next_visit_at is not None
        until(lambda: played.told)
        said = played.told[-1]
        assert (said["identifier"], said["port"]) == (keeping.identity.identifier, 18999)
        until(lambda: played.told[-1]["tip"] == played.tip)

    def test_what_it_announces_is_fetched_at_once(
        self, keeping: lifecycle.Node, register: Register, played: NewNode
    ) -> None:
        register(played.address)
        until(lambda: peer(played.address).length == 5)
        asked = len(played.asked_for("/api/v1/node"))
        played.texts = grow(played.texts, [[reward("them")]], 4.5)
        tip = Position(played.tip["index"], played.tip["hash"])
        keeping.keeper.heard(News(played.identifier, played.address, tip, 0))
        until(lambda: peer(played.address).length == 6)
        assert len(played.asked_for("/api/v1/node")) == asked  # straight to the blocks

    def test_under_another_address_than_it_is_known_by_too(
        self, keeping: lifecycle.Node, register: Register, played: NewNode
    ) -> None:
        register(played.address)
        until(lambda: peer(played.address).length == 5)
        played.texts = grow(played.texts, [[reward("them")]], 4.5)
        tip = Position(played.tip["index"], played.tip["hash"])
        keeping.keeper.heard(News(played.identifier, "elsewhere.invalid:1", tip, 0))
        until(lambda: peer(played.address).length == 6)
        assert Peer.objects.count() == 1

    def test_a_newcomer_that_announces_itself_is_kept_if_it_is_there(
        self, keeping: lifecycle.Node, played: NewNode
    ) -> None:
        tip = Position(5, "ab" * 32)
        keeping.keeper.heard(News("c" * 32, played.address, tip, 0))  # not who answers there
        until(lambda: played.asked_for("/api/v1/node"))
        assert not Peer.objects.exists()
        until(lambda: keeping.keeper._meetings._waiting == 0)
        keeping.keeper._meetings._looked_at.clear()
        time.sleep(0.15)  # the place has its rest
        keeping.keeper.heard(News(played.identifier, played.address, tip, 0))
        until(lambda: Peer.objects.filter(address=played.address, source="introduced").exists())
        event = Event.objects.filter(kind="peer").get()
        assert '"source": "introduced"' in event.payload

    def test_how_far_it_told_of_its_transactions_outlives_a_restart(
        self, node: lifecycle.Node, conf: NodeConf, played: NewNode
    ) -> None:
        played.newest = 7
        node.keeper.start()
        node.writer.run(lambda: peers.register([played.address], 64))
        until(lambda: peer(played.address).told == 7)
        lifecycle.stop()
        played.asked.clear()
        lifecycle.start(conf).keeper.start()
        played.newest = 9
        until(lambda: played.asked_for("/api/v1/network/transactions"))
        assert played.asked_for("/api/v1/network/transactions")[0].endswith("?after=7")

    def test_whom_it_names_is_met(self, keeping: lifecycle.Node, played: NewNode) -> None:
        with NewNode(texts(), NETWORK, "d" * 32) as other, OldNode("seed", 1) as old:
            played.addresses = [other.address, old.address]
            keeping.writer.run(lambda: peers.register([played.address], 64))
            until(lambda: Peer.objects.filter(address=other.address, source="exchanged").exists())
            until(lambda: old.address not in keeping.keeper._plan)
            assert not Peer.objects.filter(address=old.address).exists()  # not of our kind

    @pytest.mark.parametrize(
        "named",
        [
            ["169.254.169.254:80"],
            ["user@host:1"],
            [7],
            "host:1",
            {"a": 1},
            None,
            ["127.0.0.1:22"],
        ],
    )
    def test_what_is_no_address_is_not_met(
        self, keeping: lifecycle.Node, register: Register, played: NewNode, named: Any
    ) -> None:
        played.addresses = named
        register(played.address)
        until(lambda: played.asked_for("/api/v1/network/addresses"))
        until(lambda: peer(played.address).last_success_at)
        assert Peer.objects.count() == 1

    def test_one_that_speaks_another_network_is_said_in_words(
        self, keeping: lifecycle.Node, register: Register
    ) -> None:
        with NewNode(texts(), Network(DVF, 4)) as other:
            register(other.address)
            until(lambda: peer(other.address).failure)
        row = peer(other.address)
        words = "speaks dvf, difficulty 4; this node speaks seed, difficulty 1: chains cannot merge"
        assert (row.failure, row.fault, row.speaks) == (words, "network", "dvf, difficulty 4")
        assert row.score == 0.0

    def test_who_only_claims_to_be_a_peer_is_not_taken_for_it(
        self, keeping: lifecycle.Node, register: Register, played: NewNode
    ) -> None:
        register(played.address)
        until(lambda: peer(played.address).kind == "ours")
        with NewNode(texts(), NETWORK, played.identifier) as other:
            register(other.address)
            until(lambda: peer(other.address).kind == "ours")
            assert peer(other.address).alias_of == ""
            # It was asked whether it heard what was said to the other.
            until(lambda: played.asked_for("/api/v1/network/probe"))


class TestStrangers:
    def test_they_are_met_at_a_bounded_pace(self, keeping: lifecycle.Node) -> None:
        with RawPeer(sends(whole(b"{}"))) as victim:
            port = victim.address.rpartition(":")[2]
            for n in range(100):
                news = News("c" * 32, f"127.0.{n}.1:{port}", Position(5, "ab" * 32), 0)
                keeping.keeper.heard(news)
            assert len(keeping.keeper._meetings._strangers) == 30
            until(lambda: keeping.keeper._meetings._waiting == 0, 20)
            assert 1 <= victim.asked <= 30
        assert not Peer.objects.exists()

    def test_one_address_is_looked_at_once_in_a_while(self, keeping: lifecycle.Node) -> None:
        with RawPeer(sends(whole(b"{}"))) as victim:
            for _ in range(20):
                keeping.keeper.heard(News("c" * 32, victim.address, Position(5, "ab" * 32), 0))
            until(lambda: keeping.keeper._meetings._waiting == 0)
            assert victim.asked == 1


class TestOldOnes:
    def test_it_is_introduced_to_and_nudged_when_our_chain_grew(
        self, keeping: lifecycle.Node, register: Register
    ) -> None:
        with OldNode("seed", 1) as old:
            register(old.address)
            until(lambda: peer(old.address).knows_us)
            assert peer(old.address).kind == "old"
            assert old.blockchain.nodes == {"127.0.0.1:18999"}
            answered = []
            old.consensus = lambda: answered.append(True) or (200, "application/json", b"{}")
            keeping.miner.mine().result(20)
            until(lambda: answered)

    def test_it_is_visited_less_where_nothing_happens(
        self, keeping: lifecycle.Node, register: Register
    ) -> None:
        with RecordedNode(body_of(make_chain(NETWORK, 3))) as old:
            register(old.address)
            until(lambda: old.asked >= 6)
            planned = keeping.keeper._plan[old.address]
            assert planned.pause > 0.1 * 1.5**3
            old.body = body_of(make_chain(NETWORK, 9))
            until(lambda: peer(old.address).length == 9)
            until(lambda: planned.pause < 0.1 * 1.5**3)

    def test_one_that_names_its_answers_sends_the_same_one_once(
        self, keeping: lifecycle.Node, register: Register
    ) -> None:
        body = body_of(make_chain(NETWORK, 3))
        sent: list[bytes] = []

        def answer(client: Any) -> None:
            unchanged = b'If-None-Match: W/"a"' in served.heads[-1]
            sent.append(b"304" if unchanged else b"200")
            if unchanged:
                client.sendall(b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n")
            elif b"GET /chain" in served.heads[-1]:
                client.sendall(whole(body, b'ETag: W/"a"', b"Connection: close"))
            else:
                client.sendall(whole(b"no", b"Connection: close", status=b"404 Not Found"))

        with RawPeer(answer) as served:
            register(served.address)
            until(lambda: sent.count(b"304") >= 2)
            assert peer(served.address).failure == ""
            assert peer(served.address).length == 3
            chains = [head for head in served.heads if b"GET /chain" in head]
            assert sum(b"If-None-Match" not in head for head in chains) == 1

    def test_an_unchanged_chain_is_asked_for_again_when_ours_got_shorter(
        self, keeping: lifecycle.Node, register: Register
    ) -> None:
        asker = keeping.keeper._visits._asker
        asker._remember(_finding("a:1", 7), '"x"')
        assert asker._still_good("a:1") is None  # seven are more than our one
        asker._remember(_finding("a:1", 1), '"x"')
        assert asker._still_good("a:1") is not None
        asker._remember(_finding("a:1", 1), "")
        assert asker._still_good("a:1") is None


def _finding(address: str, length: int) -> Any:
    return Finding(address, length=length, tip_hash="ab" * 32)


class TestHealth:
    def test_failures_make_the_pauses_longer_up_to_half_an_hour(self) -> None:
        pauses = [health.pause_after(n) for n in range(1, 40)]
        assert 3.75 <= pauses[0] <= 6.25
        assert all(3.75 * 2**n <= pauses[n] <= 6.25 * 2**n for n in range(8))
        assert max(pauses) <= 1800 * 1.25
        assert len(set(pauses)) == len(pauses)  # no two peers come back together

    def test_one_that_does_not_answer_is_paused_and_not_blamed(
        self, keeping: lifecycle.Node, register: Register
    ) -> None:
        register("127.0.0.1:18998")
        until(lambda: peer("127.0.0.1:18998").failures == 1)
        row = peer("127.0.0.1:18998")
        assert (row.fault, row.score, row.failure) == ("unreachable", 0.0, "nothing listens there")
        assert row.next_visit_at is not None
        assert row.next_visit_at > timezone.now() + timedelta(seconds=2)

    def test_the_score_halves_every_hour(self) -> None:
        now = timezone.now()
        row = Peer(score=80.0, scored_at=now)
        assert row.score_at(now) == 80.0
        assert row.score_at(now + timedelta(hours=1)) == pytest.approx(40.0)
        assert row.score_at(now + timedelta(hours=3)) == pytest.approx(10.0)
        assert Peer(score=0.0).score_at(now) == 0.0

    def test_who_breaks_the_rules_again_and_again_is_banned_for_an_hour(
        self, node: lifecycle.Node, register: Register
    ) -> None:
        bad = [make_block(NETWORK, genesis=True), {"index": 2}]
        with RawPeer(sends(whole(body_of(bad)))) as hostile:
            register(hostile.address)
            for _ in range(5):
                node.syncer.resolve().result()
        row = peer(hostile.address)
        assert row.standing == "banned"
        assert row.banned_until is not None
        left = row.banned_until - timezone.now()
        assert timedelta(minutes=59) < left <= timedelta(hours=1)
        assert "it misbehaved again and again" in row.ban_reason
        assert Event.objects.filter(payload__contains="banned for an hour").count() == 1
        with pytest.raises(NotAccepted, match="banned"):
            register(hostile.address)

    @pytest.mark.parametrize("source", ["operator", "bootstrap"])
    def test_but_not_if_the_operator_named_it(
        self, node: lifecycle.Node, register: Register, source: str
    ) -> None:
        bad = [make_block(NETWORK, genesis=True), {"index": 2}]
        with RawPeer(sends(whole(body_of(bad)))) as hostile:
            register(hostile.address, source=source)
            for _ in range(6):
                node.syncer.resolve().result()
        row = peer(hostile.address)
        assert (row.standing, row.failures) == ("active", 6)
        assert row.score > health.BANNED_AT


class TestRoom:
    def test_those_that_came_by_themselves_and_are_silent_make_it(
        self, node: lifecycle.Node
    ) -> None:
        for source in ("operator", "bootstrap", "registered", "introduced", "exchanged"):
            node.writer.run(lambda: peers.register([f"{source}:1"], 64, source=source))  # noqa: B023
        Peer.objects.update(failures=3)
        node.writer.run(lambda: peers.register(["a:1", "b:1"], 5))
        assert set(peers.known_addresses()) == {
            *("operator:1", "bootstrap:1", "registered:1", "a:1", "b:1")
        }
        with pytest.raises(Overloaded):
            node.writer.run(lambda: peers.register(["c:1"], 5))

    def test_and_those_that_answer_do_not(self, node: lifecycle.Node) -> None:
        node.writer.run(lambda: peers.register(["x:1"], 64, source="introduced"))
        with pytest.raises(Overloaded):
            node.writer.run(lambda: peers.register(["c:1"], 1))
        assert peers.known_addresses() == ["x:1"]

    def test_a_day_of_silence_ends_it(self, node: lifecycle.Node) -> None:
        for name in ("silent", "new", "well"):
            node.writer.run(lambda: peers.register([f"{name}:1"], 64, source="exchanged"))  # noqa: B023
        node.writer.run(lambda: peers.register(["named:1"], 64))
        before = timezone.now() - timedelta(days=2)
        Peer.objects.exclude(address="well:1").update(failures=9)
        Peer.objects.exclude(address="new:1").update(registered_at=before, last_success_at=before)
        Peer.objects.filter(address="well:1").update(last_success_at=timezone.now())
        assert node.writer.run(peers.forget_aged) == 1
        assert peers.known_addresses() == ["new:1", "well:1", "named:1"]


class TestManual:
    def test_nobody_is_visited_and_news_is_no_reason_to(
        self, node: lifecycle.Node, register: Register
    ) -> None:
        with NewNode(texts(), NETWORK) as played:
            register(played.address)
            node.keeper.heard(News("b" * 32, played.address, Position(5, "ab" * 32), 0))
            node.keeper.meet("127.0.0.1:18998", "discovered")
            time.sleep(0.3)
            assert played.asked == []
            assert not node.keeper.is_running


class TestOwnAddress:
    """What this node calls itself towards a peer that it reached from some address of its own."""

    @pytest.mark.parametrize(
        ("host", "port", "public", "own_host", "called"),
        [
            ("127.0.0.1", 8000, "", "127.0.0.1", "127.0.0.1:8000"),
            ("localhost", 8000, "", "127.0.0.1", "127.0.0.1:8000"),
            ("::1", 8000, "", "::1", "[::1]:8000"),
            ("0.0.0.0", 8000, "", "192.168.0.5", "192.168.0.5:8000"),
            ("192.168.0.5", 8000, "", "192.168.0.5", "192.168.0.5:8000"),
            ("0.0.0.0", 8000, "Node.Example:80", "192.168.0.5", "node.example:80"),
            ("127.0.0.1", 8000, "node.example:80", "192.168.0.5", "node.example:80"),
            # It listens on this machine alone: nobody elsewhere could use the address.
            ("127.0.0.1", 8000, "", "192.168.0.5", ""),
            ("0.0.0.0", 0, "", "192.168.0.5", ""),
            ("0.0.0.0", 8000, "", "", ""),
        ],
    )
    def test_it_is_one_that_the_peer_can_use(
        self,
        node: lifecycle.Node,
        conf: NodeConf,
        host: str,
        port: int,
        public: str,
        own_host: str,
        called: str,
    ) -> None:
        visits = node.keeper._visits
        visits._conf = replace(conf, host=host, port=port, public_address=public)
        assert visits._own_address(own_host) == called


def test_peers_named_in_the_settings_are_there_from_the_start(
    ledger_db: object, conf: NodeConf
) -> None:
    with (
        NewNode(texts(), NETWORK) as played,
        lifecycle.running(replace(conf, bootstrap=(played.address,))) as node,
    ):
        node.keeper.start()
        until(lambda: peer(played.address).length == 5)
        assert peer(played.address).source == "bootstrap"


@pytest.mark.parametrize("wrong", [{"bootstrap": ("u@host:1",)}, {"public_address": "u@host:1"}])
def test_a_name_in_the_settings_that_is_no_address_is_said(
    ledger_db: object, conf: NodeConf, wrong: dict[str, Any]
) -> None:
    with (
        lifecycle.running(replace(conf, **wrong)) as node,
        pytest.raises(NodeError, match="not host:port"),
    ):
        node.keeper.start()
