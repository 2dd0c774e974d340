"""Fetching what a peer knows of transactions, whatever it answers."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from ledger.models import Tip, Transaction
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.node.network import relay
from ledger.node.network.client import PeerFailed
from ledger.node.network.relay import Cursor, Pulled
from tests.node import chains
from tests.pages.forked import seal

from .hostile import RawPeer, whole

TIP = {"index": 1, "hash": "a" * 64}


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


class Teller(RawPeer):
    """A peer that gives one answer after another, and remembers what it was asked."""

    def __init__(self, *bodies: bytes) -> None:
        super().__init__(self._answer)
        self._bodies = list(bodies)

    def _answer(self, client: socket.socket) -> None:
        client.sendall(whole(self._bodies.pop(0)))

    @property
    def questions(self) -> list[str]:
        return [head.split()[1].decode().partition("?")[2] for head in self.heads]


@contextmanager
def peer(*bodies: bytes) -> Iterator[Teller]:
    with Teller(*bodies) as teller:
        yield teller


def body(*values: Any, newest: int | None = None, tip: Any = TIP) -> bytes:
    last = values[-1]["entered"] if values and isinstance(values[-1], dict) else 0
    head = {"tip": tip, "newest": last if newest is None else newest}
    return b"".join(json.dumps(value).encode() + b"\n" for value in (head, *values))


def one(entered: Any = 1, **changes: Any) -> dict[str, Any]:
    content = {"sender": "alice", "recipient": "bob", "amount": 5}
    line = {"entered": entered, "uid": str(uuid.uuid4()), "floor": 1, "state": "waiting"}
    return line | content | changes


UID = "378bdfc8-72c1-448e-93d5-4ac0408eb11c"
NUMBER = "it counts with what is no number"
NONE = "it sends what is no transaction"
ORDER = "it numbers its transactions out of order"
HOSTILE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "its answer ends in the middle"),
    "a page": (b"<!doctype html>\n", "its answer is not JSON"),
    "a list": (b"[]\n", "its answer is not an object"),
    "no tip": (b'{"newest": 1}\n', "it does not say on which tip it stands"),
    "a tip without a hash": (body(tip={"index": 1}), "it does not say on which tip it stands"),
    "a short hash": (body(tip=TIP | {"hash": "a"}), "it does not say on which tip it stands"),
    "a tip before the first": (body(tip=TIP | {"index": 0}), NUMBER),
    "a tip that is text": (body(tip=TIP | {"index": "1"}), NUMBER),
    "no newest": (b'{"tip": %s}\n' % json.dumps(TIP).encode(), NUMBER),
    "a huge newest": (body(newest=2**63), NUMBER),
    "digits without end": (b'{"newest": 1%s}\n' % (b"0" * 500), "an integer has over 400 digits"),
    "a huge number": (body(one(2**63)), NUMBER),
    "number 0": (body(one(0)), NUMBER),
    "a number with a fraction": (body(one(1.5), newest=9), NUMBER),
    "a number that is true": (body(one(True)), NUMBER),
    "a floor below the first block": (body(one(floor=-1)), NUMBER),
    "a floor above the tip": (
        body(one(floor=2)),
        "it acknowledged a transaction above its own tip",
    ),
    "backwards": (body(one(2), one(1), newest=2), ORDER),
    "one number twice": (body(one(1), one(1)), ORDER),
    "what was not asked for": (
        body(one(0 + 1), newest=1).replace(b'"entered": 1', b'"entered": 0'),
        NUMBER,
    ),
    "newest below the last": (body(one(5), newest=4), ORDER),
    "one uid twice": (body(one(1, uid=UID), one(2, uid=UID)), "it names two transactions alike"),
    "another spelling of a uid": (body(one(uid=UID.upper())), NONE),
    "no uid": (body(one(uid=None)), NONE),
    "a uid that is a list": (body(one(uid=[UID])), NONE),
    "no sender": (body({k: v for k, v in one().items() if k != "sender"}), NONE),
    "a state that nobody knows": (body(one(state="lost")), NONE),
    "a state that is a list": (body(one(state=[])), NONE),
    "a key twice": (
        body(one()).replace(b'"floor"', b'"amount": 1, "floor"'),
        "an object has the same key twice",
    ),
    "a line without end": (
        body(one(sender="x" * 9000)),
        "a line of its answer takes over 8192 bytes",
    ),
    "a cut line": (body(one())[:-9], "its answer ends in the middle"),
    "one too many": (
        body(*[one(n) for n in range(1, 2002)]),
        "it sends over 2000 transactions at once",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_such_answer_is_a_reason_and_changes_nothing(
    node: lifecycle.Node, kind: str
) -> None:
    text, reason = HOSTILE[kind]
    with peer(text) as teller, pytest.raises(PeerFailed) as failed:
        relay.pull(teller.address, Cursor(), node.duties.intake, node.writer, node.conf)
    assert str(failed.value) == reason
    assert teller.asked == 1
    assert not Transaction.objects.exists()


def pull(node: lifecycle.Node, teller: Teller, cursor: Cursor) -> Pulled:
    return relay.pull(teller.address, cursor, node.duties.intake, node.writer, node.conf)


def tip() -> dict[str, Any]:
    row = Tip.objects.select_related("block").get(pk=1)
    return {"index": row.index, "hash": row.block.hash}


def test_all_of_it_is_fetched_and_the_next_time_only_what_is_new(node: lifecycle.Node) -> None:
    many = [one(n, amount=n) for n in range(1, 2003)]
    answers = body(*many[:2000], tip=tip()), body(*many[2000:], newest=2010, tip=tip())
    with peer(*answers, body(one(2011), tip=tip())) as teller:
        done = pull(node, teller, Cursor())
        assert (done.cursor.after, done.entered, done.faults) == (2010, 2002, ())
        assert pull(node, teller, done.cursor).entered == 1
    assert teller.questions == ["after=0", "after=2000", "after=2010"]
    waiting = Transaction.objects.waiting().order_by("pk").values_list("amount", flat=True)
    assert list(waiting) == [*range(1, 2003), 5]


def test_on_a_tip_that_is_not_known_here_the_cursor_stays(node: lifecycle.Node) -> None:
    with peer(body(one(7))) as teller:
        assert pull(node, teller, Cursor(3)) == Pulled(Cursor(3), is_behind=True)
    assert not Transaction.objects.exists()


def test_a_peer_that_began_anew_is_asked_from_the_start(node: lifecycle.Node) -> None:
    with peer(body(newest=2, tip=tip()), body(one(2), tip=tip())) as teller:
        assert pull(node, teller, Cursor(900)).cursor.after == 2
    assert teller.questions == ["after=900", "after=0"]


def test_what_does_not_fit_is_asked_for_again(node: lifecycle.Node) -> None:
    node.duties.intake._transactions = 4
    text = body(*[one(n) for n in (3, 5, 8, 9)], newest=20, tip=tip())
    with peer(text) as teller:
        done = pull(node, teller, Cursor())
    assert (done.cursor.after, done.entered) == (7, 2)


def test_bad_ones_are_counted_and_the_rest_taken(node: lifecycle.Node) -> None:
    with peer(body(one(1, sender="0"), one(2), one(3, amount=-1), tip=tip())) as teller:
        done = pull(node, teller, Cursor())
    assert (done.cursor.after, done.entered, len(done.faults)) == (3, 1, 2)


def test_after_a_release_peers_are_asked_once_for_all_that_waits(node: lifecycle.Node) -> None:
    """The peer said that it waits when the chain had it here: that is behind the cursor."""
    told = one()
    with peer(body(told, tip=tip())) as teller:
        cursor = pull(node, teller, Cursor()).cursor
    seal(node)
    with peer(body(told | {"entered": 2}, tip=TIP | {"hash": chains.hash_of(first())})) as teller:
        cursor = pull(node, teller, cursor).cursor
    assert cursor.after == 2
    assert chains.adopt(chains.grow([first()], [[], []], 5.0), node.writer)
    again = body(told | {"entered": 2}, tip=tip())
    with peer(body(newest=2, tip=tip()), again, body(newest=2, tip=tip())) as teller:
        done = pull(node, teller, cursor)
        assert done.entered == 1
        pull(node, teller, done.cursor)
    assert teller.questions == ["after=2", "after=0&only=waiting", "after=2"]
    assert [row.state for row in Transaction.objects.all()] == ["pending"]


def first() -> str:
    return chains.active_texts()[0]
