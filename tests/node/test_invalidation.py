"""Invalidate a block, reconsider it, prefer a branch: the operator against the chain."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger.models import (
    ActiveBlock,
    Block,
    DamagedBlock,
    Event,
    InvalidBlock,
    Reorganisation,
    Tip,
    Transaction,
)
from ledger.node import invalidation, lifecycle, operator, repair
from ledger.node.conf import NodeConf
from ledger.node.errors import MarkedInvalid, NotAccepted
from tests.pages.forked import outgrow, seal, submit

from . import chains, damage
from .audit import event_faults
from .ledger_machine import LedgerMachine
from .machine_runs import run_scenario


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def hash_at(index: int) -> str:
    return Block.objects.get(active__index=index).hash


def active() -> list[str]:
    return list(ActiveBlock.objects.order_by("index").values_list("block__hash", flat=True))


def states() -> dict[str, str]:
    return {str(uid): state for uid, state in Transaction.objects.values_list("uid", "state")}


def assert_sound() -> None:
    assert lifecycle.verify().faults == []
    assert event_faults() == []


def test_invalidate_and_reconsider_return_to_the_same_tip_with_every_transaction(
    node: lifecycle.Node,
) -> None:
    for number in range(4):
        submit(node, "alice", "bob", number)
        submit(node, "alice", "bob", number)  # twice the same: two transactions
        seal(node)
    waiting = submit(node, "carol", "dave", 9)
    before, accounted = active(), states()

    done = operator.invalidate_block(hash_at(3), "a test")

    assert active() == before[:2]
    assert done.tip.hash == before[1]
    assert (done.switch.disconnected, done.switch.connected, done.switch.returned) == (3, 0, 6)
    assert sorted(states().values()) == ["confirmed"] * 2 + ["pending"] + ["returned"] * 6
    row = Reorganisation.objects.get()
    assert (row.source, row.old_tip.hash, row.new_tip.hash) == (
        "invalidateblock",
        before[4],
        before[1],
    )
    assert_sound()

    done = operator.reconsider_block(before[2])

    assert active() == before
    assert states() == accounted
    assert states()[str(waiting)] == "pending"
    assert (done.lifted, done.tip.hash) == (1, before[4])
    assert not InvalidBlock.objects.exists()
    assert_sound()


def test_the_chain_goes_on_with_the_longest_branch_that_is_left(node: lifecycle.Node) -> None:
    seal(node, 2)  # a branch of three
    outgrow(node, 1, [[]] * 3)  # one of four
    second = active()
    outgrow(node, 2, [[]] * 4)  # and one of six
    third = active()

    assert operator.invalidate_block(third[2]).tip.hash == second[3]
    assert active() == second
    operator.invalidate_block(second[1])
    assert len(active()) == 3
    assert_sound()

    assert operator.reconsider_block(third[2]).lifted == 2, "the mark below it too"
    assert active() == third
    assert_sound()


def test_of_equal_branches_the_first_seen_is_followed(node: lifecycle.Node) -> None:
    seal(node, 2)
    ours = active()
    first = outgrow(node, 1, [[]] * 3)
    chain = outgrow(node, 1, [[]] * 4)
    outgrow(node, 0, [[]] * 5)
    both = [Block.objects.get(canonical=text).hash for text in (first[3], chain[3])]
    assert Block.objects.filter(index=4, hash__in=both).count() == 2
    fifth = Block.objects.get(canonical=chain[4])

    operator.invalidate_block(fifth.hash)
    assert Tip.objects.get().index == 6, "it was not active: nothing changes"
    operator.invalidate_block(hash_at(1))
    assert active()[-1] == both[0]
    assert active()[0] == ours[0]
    assert_sound()


def test_a_tip_that_was_left_is_returned_to_even_if_a_branch_as_long_grew_meanwhile(
    node: lifecycle.Node,
) -> None:
    seal(node, 3)
    before = active()
    operator.invalidate_block(before[3])
    seal(node)
    assert len(active()) == len(before)
    operator.reconsider_block(before[3])
    assert active() == before
    assert_sound()


def test_a_longer_branch_that_grew_meanwhile_is_kept(node: lifecycle.Node) -> None:
    seal(node, 3)
    before = active()
    operator.invalidate_block(before[3])
    seal(node, 2)
    done = operator.reconsider_block(before[3])
    assert done.switch is None
    assert len(active()) == 5
    assert_sound()


def test_down_to_the_genesis_and_back(node: lifecycle.Node) -> None:
    seal(node, 2)
    before = active()
    operator.invalidate_block(before[1])
    assert active() == before[:1]
    assert_sound()
    seal(node)  # it goes on from there
    operator.reconsider_block(before[1])
    assert active() == before


def test_a_strangers_genesis_can_be_left_for_our_own(node: lifecycle.Node) -> None:
    own = active()
    outgrow(node, 0, [[]] * 3)
    operator.invalidate_block(hash_at(1))
    assert active() == own
    assert_sound()


def test_the_genesis_of_this_node_cannot_be_invalidated(node: lifecycle.Node) -> None:
    with pytest.raises(NotAccepted, match="the genesis of this node cannot be invalidated"):
        operator.invalidate_block(hash_at(1))


@pytest.mark.parametrize("digest", ["", "0" * 64, "no hash", "ab\x00cd"])
def test_an_unknown_hash_is_refused(node: lifecycle.Node, digest: str) -> None:
    for act in (operator.invalidate_block, operator.reconsider_block, operator.prefer_block):
        with pytest.raises(NotAccepted, match="there is no block with the hash"):
            act(digest)


def test_what_is_marked_already_and_what_is_not_marked_is_refused(node: lifecycle.Node) -> None:
    seal(node)
    digest = hash_at(2)
    with pytest.raises(NotAccepted, match="neither block 2 nor its branch is marked"):
        operator.reconsider_block(digest)
    operator.invalidate_block(digest)
    with pytest.raises(NotAccepted, match="block 2 is marked invalid already"):
        operator.invalidate_block(digest)
    assert Event.objects.filter(kind="operator").count() == 1


def test_a_chain_that_holds_the_block_is_refused_by_name_however_long(
    node: lifecycle.Node,
) -> None:
    seal(node, 3)
    texts = chains.active_texts()
    operator.invalidate_block(hash_at(3))
    blocks = Block.objects.count()
    with pytest.raises(MarkedInvalid, match="block 3 is marked invalid on this node"):
        outgrow(node, 4, [[]] * 20, texts)
    assert Block.objects.count() == blocks, "nothing of it was stored"


def test_a_mark_that_is_set_while_a_chain_is_adopted_is_honoured(
    migrated: Path, fast_folder: Path, unblocked: None
) -> None:
    def scenario(machine: LedgerMachine) -> None:
        genesis = chains.active_texts()
        machine.adopt(chains.grow(genesis, [[]] * 2, 5.0))
        stale = chains.active_texts()
        machine.adopt(chains.grow(genesis, [[]] * 3, 6.0))
        digest = Block.objects.get(canonical=stale[1]).hash

        def mark() -> None:
            done = machine.writer.run(lambda: invalidation.invalidate(digest, ""))
            machine.expect_change(machine.model.invalidate(digest), done.switch)

        machine.writer.before_next_group(mark)  # after it was read, before it is stored
        longer = chains.grow(stale, [[]] * 5, 7.0)
        with pytest.raises(MarkedInvalid):
            chains.adopt(longer, machine.writer)
        machine.learn_what_is_stored(longer)
        machine.everything_is_as_the_model_says()

    run_scenario(migrated, fast_folder, scenario)


def test_a_branch_that_is_as_long_is_preferred_on_request(node: lifecycle.Node) -> None:
    submit(node, "alice", "bob", 1)
    seal(node, 3)
    before, accounted = active(), states()
    chain = outgrow(node, 1, [[]] * 4)
    operator.invalidate_block(hash_at(5))  # of four as well, and followed now, second seen first
    side = {before[3], Block.objects.get(canonical=chain[3]).hash} - set(active())
    (digest,) = side

    done = operator.prefer_block(digest)

    assert active()[-1] == digest
    assert done.switch.disconnected == done.switch.connected == 3
    assert Reorganisation.objects.latest("pk").source == "preciousblock"
    assert_sound()
    operator.prefer_block(before[3])
    assert active() == before
    assert states() == accounted


def test_preferring_refuses_what_is_shorter_or_marked(node: lifecycle.Node) -> None:
    seal(node)
    short = hash_at(2)
    outgrow(node, 1, [[]] * 2)
    with pytest.raises(NotAccepted, match="has 2 blocks, the active chain has 3"):
        operator.prefer_block(short)
    marked = hash_at(3)
    operator.invalidate_block(hash_at(2))
    with pytest.raises(MarkedInvalid):
        operator.prefer_block(marked)
    assert operator.prefer_block(hash_at(2)).switch is None, "it is active already"


def test_a_block_that_was_set_aside_as_damaged_is_no_branch_to_go_to(node: lifecycle.Node) -> None:
    seal(node, 4)
    outgrow(node, 4, [[]] * 2)
    damage.damage(
        "UPDATE ledger_block SET canonical = replace(canonical, '\"proof\": ', '\"proof\":  ')"
        f" WHERE {damage.ACTIVE.format(5)}"
    )
    repair.repair()
    assert DamagedBlock.objects.exists()
    assert Tip.objects.get().index == 4
    seal(node)
    operator.invalidate_block(hash_at(4))
    assert Tip.objects.get().index == 3, "not the block of six on top of the damaged one"
    assert lifecycle.verify().faults == []


def test_verification_knows_marks_and_unexplained_losses(node: lifecycle.Node) -> None:
    seal(node, 2)
    InvalidBlock.objects.create(
        block=Block.objects.get(active__index=2), at="2026-01-01T00:00:00Z", reason=""
    )
    (fault,) = lifecycle.verify().faults
    assert (fault.invariant, fault.index) == ("I7", 2)
    assert "marked invalid" in fault.what
    InvalidBlock.objects.all().delete()
    tip = Tip.objects.get()
    Reorganisation.objects.create(
        old_tip=tip.block,
        new_tip=Block.objects.get(index=2),
        fork_index=2,
        disconnected=1,
        connected=0,
        at="2026-01-01T00:00:00Z",
        source="10.0.0.1:5000",
    )
    (fault,) = lifecycle.verify().faults
    assert fault.invariant == "I7"
    assert "did not make the chain longer" in fault.what
