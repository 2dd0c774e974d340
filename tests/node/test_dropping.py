"""Dropping a pending transaction: refused with a reason, never sealed, never lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from django.db import transaction

from ledger.consensus import SEED, Network
from ledger.models import Block, Event, Transaction
from ledger.node import events, lifecycle, operator, sealing
from ledger.node.conf import NodeConf
from ledger.node.errors import NotAccepted, TipMoved
from tests.pages.forked import outgrow, seal, submit

from . import chains

PATIENCE = 10.0


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def test_it_is_refused_with_the_reason_and_stays_known(node: lifecycle.Node) -> None:
    uid = submit(node, "alice", "bob", 5)
    done = operator.drop_transaction(f" {uid}\n", "not  from\nalice")
    assert str(done) == f"Transaction {uid} was dropped: not from alice"
    row = Transaction.objects.get()
    assert (row.state, row.reason) == ("refused", "not from alice")
    payload = json.loads(Event.objects.get(kind="operator").payload)
    assert payload == {
        "act": "drop-transaction",
        "subject": str(uid),
        "index": 0,
        "reason": "not from alice",
    }
    seal(node)
    assert len(json.loads(Block.objects.get(index=2).canonical)["transactions"]) == 1
    assert lifecycle.verify().faults == []


def test_what_does_not_wait_is_not_dropped(node: lifecycle.Node) -> None:
    uid = submit(node, "alice", "bob", 5)
    seal(node)
    with pytest.raises(NotAccepted, match="does not wait in the pool, it is confirmed"):
        operator.drop_transaction(str(uid), "too late")
    other = submit(node, "alice", "bob", 6)
    operator.drop_transaction(str(other), "why not")
    with pytest.raises(NotAccepted, match="it is refused: why not"):
        operator.drop_transaction(str(other), "again")


@pytest.mark.parametrize("uid", ["", "x", "\x00", "378bdfc8-72c1-448e-93d5-4ac0408eb11c"])
def test_an_unknown_id_is_refused(node: lifecycle.Node, uid: str) -> None:
    with pytest.raises(NotAccepted, match="there is no transaction with the id"):
        operator.drop_transaction(uid, "why not")


@pytest.mark.parametrize("reason", ["", " \n", "x" * 301])
def test_a_reason_is_needed_and_fits(node: lifecycle.Node, reason: str) -> None:
    uid = submit(node, "alice", "bob", 5)
    with pytest.raises(NotAccepted, match=r"a reason is needed|300 characters are enough"):
        operator.drop_transaction(str(uid), reason)
    assert Transaction.objects.get().state == "pending"


def test_a_returned_one_can_be_dropped_and_comes_back_with_its_block(node: lifecycle.Node) -> None:
    """The chain has the last word: a block that includes it makes it confirmed."""
    uid = submit(node, "alice", "bob", 5)
    seal(node)
    ours = chains.active_texts()
    outgrow(node, 1, [[]] * 2)
    operator.drop_transaction(str(uid), "why not")
    outgrow(node, 2, [[]] * 2, ours)
    assert Transaction.objects.get().state == "confirmed"
    assert lifecycle.verify().faults == []


def test_a_block_that_was_searched_for_with_it_is_not_sealed(node: lifecycle.Node) -> None:
    uid = submit(node, "alice", "bob", 5)
    template, proof = chains.frozen(node.identity.identifier)
    assert len(template.transactions) == 1
    operator.drop_transaction(str(uid), "why not")
    with pytest.raises(TipMoved):
        node.writer.run(lambda: sealing.seal(template, proof))


class TestASearchUnderWay:
    """With proofs that nobody finds in time."""

    @pytest.fixture
    def endless(self, node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch) -> lifecycle.Node:
        submit(node, "carol", "dave", 1)
        seal(node, 2)
        hard = replace(node.identity, network=Network(SEED, 12))
        monkeypatch.setattr(node.miner, "_identity", hard)
        return node

    @pytest.fixture
    def templates(self, monkeypatch: pytest.MonkeyPatch) -> list[sealing.Template]:
        """The blocks that were searched for."""
        seen: list[sealing.Template] = []
        freeze = sealing.freeze

        def noted(network: Network, identifier: str) -> sealing.Template:
            seen.append(freeze(network, identifier))
            return seen[-1]

        monkeypatch.setattr(sealing, "freeze", noted)
        return seen

    def test_begins_anew_without_what_was_dropped(
        self, endless: lifecycle.Node, templates: list[sealing.Template]
    ) -> None:
        uid = submit(endless, "alice", "bob", 5)
        endless.miner.mine()
        wait(lambda: len(templates) == 1)
        operator.drop_transaction(str(uid), "why not")
        wait(lambda: len(templates) == 2)
        assert [len(template.transactions) for template in templates] == [1, 0]

    def test_begins_anew_when_its_tip_is_invalidated(
        self, endless: lifecycle.Node, templates: list[sealing.Template]
    ) -> None:
        endless.miner.mine()
        wait(lambda: len(templates) == 1)
        operator.invalidate_block(templates[0].parent.hash)
        wait(lambda: len(templates) == 2)
        assert [template.index for template in templates] == [4, 3]

    def test_is_given_up_on_request_with_all_that_wait(
        self, endless: lifecycle.Node, templates: list[sealing.Template]
    ) -> None:
        futures = [endless.miner.mine() for _ in range(3)]
        wait(lambda: len(templates) == 1)
        assert operator.cancel_mining().was_searching
        for future in futures:
            assert "cancelled" in str(future.exception(PATIENCE))
        wait(lambda: endless.miner.state().searching is None)
        assert not operator.cancel_mining().was_searching

    def test_is_given_up_when_another_process_asks_for_it(
        self, endless: lifecycle.Node, templates: list[sealing.Template]
    ) -> None:
        future = endless.miner.mine()
        wait(lambda: len(templates) == 1)
        with transaction.atomic():  # past the writer: nobody is told, as if it were elsewhere
            events.record_act("cancel-mining")
        assert "cancelled" in str(future.exception(PATIENCE))

    def test_a_cancellation_from_before_it_is_not_heard(
        self, endless: lifecycle.Node, templates: list[sealing.Template]
    ) -> None:
        operator.cancel_mining()
        future = endless.miner.mine()
        wait(lambda: len(templates) == 1)
        submit(endless, "alice", "bob", 5)  # a commit: the miner looks
        wait(lambda: endless.miner.state().tries > 0)
        assert not future.done()


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
