"""Transactions of other nodes, told to this one: what it takes, and what it makes of them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from ledger.models import Event, Inclusion, ReorganisedTransaction, Transaction
from ledger.node import lifecycle, matching, mempool, operator, relayed
from ledger.node.conf import NodeConf
from ledger.node.relayed import Batch, Intake, Line, Taken
from tests.pages.forked import seal, submit

from . import chains

CONTENT = {"sender": "alice", "recipient": "bob", "amount": 5}
OTHER = {"sender": "carol", "recipient": "bob", "amount": 1}
PEER = "10.0.0.2:5000"


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def line(entered: int = 1, values: Any = CONTENT, floor: int = 0, **more: Any) -> Line:
    return Line(entered, more.pop("uid", uuid.uuid4()), values, floor, more.pop("state", "waiting"))


def tell(node: lifecycle.Node, *lines: Line, tip: str | None = None, **more: Any) -> Taken:
    texts = chains.active_texts()
    newest = lines[-1].entered if lines else 0
    batch = Batch(len(texts), tip or chains.hash_of(texts[-1]), newest, lines)
    intake = more.get("intake", node.duties.intake)
    return node.writer.run(lambda: intake.take(batch, PEER))


def state(uid: uuid.UUID) -> str:
    return Transaction.objects.get(uid=uid).state


def adopt(node: lifecycle.Node, below: int, *contents: list[Any]) -> None:
    """A peer's chain that leaves ours above block `below`."""
    texts = chains.grow(chains.active_texts()[:below], contents, 5.0)
    assert chains.adopt(texts, node.writer) is not None


def sound() -> bool:
    return lifecycle.verify().faults == []


def test_it_waits_here_and_is_mined_here(node: lifecycle.Node) -> None:
    one = line()
    assert tell(node, one) == Taken(1, entered=1)
    row = Transaction.objects.get(uid=one.uid)
    assert (row.state, row.relayed_by, row.idempotency_key) == ("pending", PEER, None)
    told = Event.objects.filter(kind="transaction").get().payload
    assert str(one.uid) in told
    assert '"relayed": true' in told
    seal(node)
    assert state(one.uid) == "confirmed"
    assert sound()


def test_told_twice_or_by_two_it_is_one(node: lifecycle.Node) -> None:
    one = line()
    tell(node, one)
    assert tell(node, one).entered == 0
    assert Transaction.objects.count() == 1


def test_two_that_are_alike_are_two(node: lifecycle.Node) -> None:
    submit(node, "alice", "bob", 5)
    assert tell(node, line(1), line(2)).entered == 2
    seal(node)
    assert Inclusion.objects.filter(amount=5, block__active__isnull=False).count() == 3


def test_on_a_tip_that_is_not_known_here_nothing_is_taken(node: lifecycle.Node) -> None:
    assert tell(node, line(), tip="f" * 64) == Taken(None)
    assert not Transaction.objects.exists()


def test_one_that_comes_after_its_block_is_found_there(node: lifecycle.Node) -> None:
    adopt(node, 1, [CONTENT])
    first, second = line(1), line(2)
    assert tell(node, first, second).entered == 1
    assert (state(first.uid), state(second.uid)) == ("confirmed", "pending")
    assert sound()


def test_an_entry_from_before_it_is_somebody_elses(node: lifecycle.Node) -> None:
    adopt(node, 1, [CONTENT])
    one = line(floor=2)
    tell(node, one)
    assert state(one.uid) == "pending"


def test_on_another_branch_it_is_looked_for_from_the_fork_on(node: lifecycle.Node) -> None:
    """The peer's floor is of its own chain, and above where the two part."""
    adopt(node, 1, [], [])
    theirs = chains.active_texts()
    adopt(node, 2, [CONTENT], [])
    one = line(floor=3)
    tell(node, one, tip=chains.hash_of(theirs[-1]))
    assert (state(one.uid), Transaction.objects.get().floor) == ("confirmed", 2)
    assert sound()


def test_an_entry_with_another_key_is_not_it(node: lifecycle.Node) -> None:
    adopt(node, 1, [CONTENT | {"note": "x"}])
    one = line()
    tell(node, one)
    assert state(one.uid) == "pending"


def test_what_is_confirmed_at_the_peer_and_not_here_waits(node: lifecycle.Node) -> None:
    """Both nodes took one entry for two that are alike: whoever hears of the other mines it."""
    adopt(node, 1, [CONTENT])
    tell(node, line())
    other = line(2, state="confirmed")
    tell(node, other)
    assert state(other.uid) == "pending"


def test_after_a_reorganisation_it_is_left_to_its_own_node(node: lifecycle.Node) -> None:
    own, one = submit(node, "carol", "bob", 1), line()
    tell(node, one)
    seal(node)
    before = relayed.newest_release()
    adopt(node, 1, [], [])
    assert (state(own), state(one.uid)) == ("returned", "released")
    assert relayed.newest_release() > before
    payload = Event.objects.get(kind="reorganisation").payload
    assert f'"returned": ["{own}"]' in payload
    assert f'"released": ["{one.uid}"]' in payload
    assert set(ReorganisedTransaction.objects.values_list("transaction__uid", "effect")) == {
        (own, "returned"),
        (one.uid, "released"),
    }
    seal(node)
    assert Inclusion.objects.filter(block__active__isnull=False, amount=5).count() == 0
    assert sound()


@pytest.fixture
def released(node: lifecycle.Node) -> Line:
    """One that waits for its node's word."""
    one = line()
    tell(node, one)
    seal(node)
    adopt(node, 1, [], [])
    assert state(one.uid) == "released"
    return one


def test_it_waits_again_once_a_peer_says_so(node: lifecycle.Node, released: Line) -> None:
    number = Transaction.objects.get().entered
    for said in ("confirmed", "released"):
        assert tell(node, replace(released, state=said)).entered == 0
    assert tell(node, released).entered == 1
    assert state(released.uid) == "pending"
    assert Transaction.objects.get().entered > number
    assert relayed.newest_release() == 0
    seal(node)
    assert state(released.uid) == "confirmed"
    assert sound()


def test_a_block_that_has_it_confirms_it(node: lifecycle.Node, released: Line) -> None:
    adopt(node, 3, [CONTENT])
    assert state(released.uid) == "confirmed"
    assert sound()


def test_what_waits_is_found_in_a_block_before_what_was_released(
    node: lifecycle.Node, released: Line
) -> None:
    own = submit(node, "alice", "bob", 5)
    adopt(node, 3, [CONTENT])
    assert (state(own), state(released.uid)) == ("confirmed", "released")


def test_where_one_of_ours_is_alike_it_is_put_back(node: lifecycle.Node) -> None:
    """The chain lacks one of two, and nobody can say that it is not ours."""
    own, one = submit(node, "alice", "bob", 5), line()
    tell(node, one)
    seal(node)
    adopt(node, 1, [CONTENT], [])
    assert {state(own), state(one.uid)} == {"confirmed", "returned"}


def test_what_no_node_of_ours_would_acknowledge_is_refused_and_the_rest_taken(
    node: lifecycle.Node,
) -> None:
    bad = [
        line(n, CONTENT | change)
        for n, change in enumerate(
            [
                {"sender": "0"},
                {"sender": ["a"]},
                {"recipient": ""},
                {"amount": -1},
                {"amount": 2**63},
                {"amount": 1.0},
                {"amount": True},
            ],
            1,
        )
    ]
    taken = tell(node, *bad, line(99))
    assert (taken.upto, taken.entered, len(taken.faults)) == (99, 1, len(bad))
    assert taken.faults[0].startswith(f"transaction {bad[0].uid}: sender must not be")
    assert Transaction.objects.count() == 1


def test_ours_is_not_changed_by_what_a_peer_says_of_it(node: lifecycle.Node) -> None:
    own = submit(node, "alice", "bob", 5)
    operator.drop_transaction(str(own), "no")
    assert tell(node, line(uid=own, values=OTHER)).entered == 0
    row = Transaction.objects.get()
    assert (row.sender, row.state, row.relayed_by) == ("alice", "refused", "")


def test_they_fill_half_of_the_pool_at_most(node: lifecycle.Node) -> None:
    lines = [line(n) for n in range(1, 11)]
    intake = Intake(node.identity.network, transactions=6, size=2**20)
    assert tell(node, *lines, intake=intake) == Taken(3, entered=3)
    assert tell(node, *lines[3:], intake=intake) == Taken(3)
    seal(node)
    assert tell(node, *lines[3:], intake=intake) == Taken(6, entered=3)
    small = Intake(node.identity.network, transactions=100, size=5 * mempool.pool_size()[1] // 3)
    assert tell(node, *lines[6:], intake=small) == Taken(6), "half of the bytes"


def test_our_own_leave_them_no_more_room_than_there_is(node: lifecycle.Node) -> None:
    for _ in range(5):
        submit(node, "alice", "bob", 5)
    intake = Intake(node.identity.network, transactions=6, size=2**20)
    assert tell(node, line(1), line(2), intake=intake) == Taken(1, entered=1)


def test_what_is_in_a_block_needs_no_room(node: lifecycle.Node) -> None:
    adopt(node, 1, [CONTENT, CONTENT])
    intake = Intake(node.identity.network, transactions=0, size=0)
    assert tell(node, line(1), line(2), line(3), intake=intake) == Taken(2)


# --- telling ----------------------------------------------------------------------------------


def test_numbers_are_not_given_twice(node: lifecycle.Node) -> None:
    """Also not that of the newest, when it has left the pool."""
    seen = set[int]()
    for _ in range(3):
        uid = submit(node, "alice", "bob", 5)
        entered = Transaction.objects.get(uid=uid).entered
        assert entered > max(seen, default=0)
        seen.add(entered)
        seal(node)
    adopt(node, 1, *[[]] * 4)
    again = [one.entered for one in relayed.told(max(seen)).lines]
    assert again == [4, 5, 6]


def test_all_that_is_known_is_told_but_not_what_was_refused(
    node: lifecycle.Node, released: Line
) -> None:
    own = [submit(node, "carol", "bob", n) for n in range(3)]
    operator.drop_transaction(str(own[1]), "no")
    batch = relayed.told(0)
    assert [(one.uid, one.state) for one in batch.lines] == [
        (released.uid, "released"),
        (own[0], "waiting"),
        (own[2], "waiting"),
    ]
    assert [one.uid for one in relayed.told(0, only_waiting=True).lines] == [own[0], own[2]]
    assert batch.lines[1].floor == batch.index == 3
    assert relayed.told(batch.newest).lines == []


@pytest.mark.parametrize("only_waiting", [False, True])
def test_a_long_story_is_told_in_parts(node: lifecycle.Node, only_waiting: bool) -> None:
    for amount in range(5):
        submit(node, "alice", "bob", amount)
    told, after = [], 0
    for count in (2, 2, 1, 0):
        batch = relayed.told(after, only_waiting=only_waiting, most=2)
        assert len(batch.lines) == count
        told += [one.values["amount"] for one in batch.lines]
        after = batch.newest
    assert told == list(range(5))


QUESTIONS: dict[str, tuple[str, Callable[[], Any]]] = {
    "the next number": ("COVERING INDEX", mempool.next_number),
    "what is told": ("entered", lambda: relayed.told(3)),
    "what was released": ("transaction_released", relayed.newest_release),
    "a free entry": (
        "inclusion_content",
        lambda: _free_entries(("alice", "bob", 5)),
    ),
}


def _free_entries(content: mempool.Content) -> int | None:
    return matching.FreeEntries(content[:2]).take(content, 0)


@pytest.mark.sqlite("its plans are read")
@pytest.mark.parametrize("what", QUESTIONS)
def test_it_costs_no_look_at_every_row(
    node: lifecycle.Node, django_assert_max_num_queries: Any, what: str
) -> None:
    submit(node, "alice", "bob", 5)
    seal(node)
    index, ask = QUESTIONS[what]
    with django_assert_max_num_queries(9) as asked:
        ask()
    plans = []
    for query in asked.captured_queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
            plans += [row[3] for row in cursor.fetchall()]
    assert any(index in plan for plan in plans), plans
    assert not any(plan.startswith("SCAN ledger") for plan in plans if "INDEX" not in plan), plans
