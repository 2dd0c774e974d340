"""What a web process asks of the worker, and what becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from django.db.models import F

from ledger.models import ActiveBlock, Job, Tip
from ledger.node import sealing
from ledger.node.conf import NodeConf
from ledger.node.errors import Overloaded, Stopped, Unattended
from ledger.node.mining import MiningCancelled
from ledger.node.network.recognition import Position
from ledger.node.network.visit import News
from ledger.node.node import WEB, WORKER, Node
from ledger.node.shared import jobs, probes, remote

from .conftest import PATIENCE, reached


def height() -> int:
    return Tip.objects.get(pk=1).index


def test_a_block_that_is_asked_for_is_mined_by_the_worker(web: Node, worker: Node) -> None:
    asked = [web.work.mine() for _ in range(3)]
    for one in asked:
        one.accepted.result(PATIENCE)
    found = [one.block.result(PATIENCE) for one in asked]
    stored = ActiveBlock.objects.order_by("index").values_list("block__hash", flat=True)
    assert [block.hash for block in found] == list(stored)[1:]
    assert [block.index for block in found] == [2, 3, 4]
    with pytest.raises(Unattended):
        _ = web.duties


def test_peers_are_asked_by_the_worker(web: Node) -> None:
    done = web.work.resolve().result(PATIENCE)
    assert (done.switch, done.reports) == (None, ())


def test_what_a_peer_announced_reaches_the_workers_keeper(
    web: Node, worker: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[News] = []
    monkeypatch.setattr(worker.keeper, "heard", heard.append)
    news = [News("a" * 32, f"10.0.0.{n}:5000", Position(n, "f" * 64), n) for n in (1, 2)]
    for one in (*news, news[0]):
        web.work.heard(one)
    reached(lambda: len(heard) >= 2)
    assert heard == news, "once each"


def test_a_probe_that_one_process_was_shown_all_of_them_saw(web: Node, worker: Node) -> None:
    web.work.show_probe("token1").result(PATIENCE)
    assert worker.work.saw_probe("token1").result(PATIENCE)
    assert probes.saw("token1"), "the keeper's visits ask this"
    assert not web.work.saw_probe("token2").result(PATIENCE)


def test_at_most_so_many_probes_are_remembered(web: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_MOST", 3)
    for n in range(6):
        web.work.show_probe(f"token{n}").result(PATIENCE)
    assert [n for n in range(6) if probes.saw(f"token{n}")] == [3, 4, 5]


class TestALongSearch:
    @pytest.fixture
    def conf(self, conf: NodeConf) -> NodeConf:
        return replace(conf, difficulty=8, mine_queue=2)

    def test_its_progress_is_shown_by_every_process(self, web: Node) -> None:
        changed = threading.Event()
        web.work.mining_changed.add(changed.set)
        web.work.mine()
        reached(lambda: web.work.mining().tries)
        assert changed.is_set()
        assert web.work.mining().searching == 2
        assert web.work.mining().odds == 16**8

    def test_it_ends_when_whoever_asked_hangs_up(self, web: Node, worker: Node) -> None:
        asked = web.work.mine()
        reached(lambda: worker.miner.state().searching)
        assert asked.block.cancel()
        reached(lambda: worker.miner.state().searching is None)
        assert height() == 1

    def test_it_ends_when_whoever_asked_is_gone(
        self, web: Node, worker: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(jobs, "INTEREST", 1.0)
        monkeypatch.setattr(jobs, "move_on", lambda numbers: None)  # as after kill -9
        web.work.mine()
        reached(lambda: worker.miner.state().searching)
        reached(lambda: worker.miner.state().searching is None)
        assert height() == 1

    def test_it_can_be_cancelled_from_any_process(self, web: Node) -> None:
        asked = web.work.mine()
        reached(lambda: web.work.mining().searching)
        assert web.work.cancel_mining().result(PATIENCE) is True
        with pytest.raises(MiningCancelled):
            asked.block.result(PATIENCE)
        reached(lambda: web.work.mining().searching is None)
        assert web.work.cancel_mining().result(PATIENCE) is False

    def test_only_so_many_wait_whichever_process_asks(
        self, web: Node, open_node: Callable[[str], Node]
    ) -> None:
        other = open_node(WEB)
        for one in (web, other, web):
            one.work.mine().accepted.result(PATIENCE)
        refused = other.work.mine()
        with pytest.raises(Overloaded, match="2 requests for a block are waiting"):
            refused.accepted.result(PATIENCE)
        with pytest.raises(Overloaded) as refusal:
            refused.block.result(PATIENCE)
        assert refusal.value.retry_after == 60

    def test_it_is_gone_on_with_in_the_next_term(
        self, web: Node, worker: Node, open_node: Callable[[str], Node]
    ) -> None:
        asked = web.work.mine()
        reached(lambda: worker.miner.state().searching)
        worker.close()
        second = open_node(WORKER)
        reached(lambda: second.has_duties and second.miner.state().searching)
        assert not asked.block.done()
        web.close()
        with pytest.raises(Stopped):
            asked.block.result(PATIENCE)


def test_a_block_found_in_a_term_that_is_over_is_not_put_on_the_chain(
    web: Node, worker: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fence: the job and the block are one transaction."""
    freeze, late = sealing.freeze, []

    def freeze_late(*arguments: object) -> object:
        template = freeze(*arguments)
        if not late:  # as when another worker takes the job while this one searches
            late.append(Job.objects.filter(kind=jobs.MINE).update(term=F("term") + 1))
        return template

    monkeypatch.setattr(sealing, "freeze", freeze_late)
    web.work.mine()
    reached(lambda: late)
    reached(lambda: worker.miner.state().searching is None)
    assert (late, height()) == ([1], 1)
    assert Job.objects.get(kind=jobs.MINE).state == Job.State.TAKEN


def test_without_a_worker_it_is_said_soon(
    open_node: Callable[[str], Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    web = open_node(WEB)
    asked = web.work.mine()
    with pytest.raises(Unattended, match="no worker is at work on this node"):
        asked.block.result(PATIENCE)
    reached(lambda: Job.objects.get().state == Job.State.WITHDRAWN)
    assert web.work.mining().searching is None


def test_a_worker_that_is_late_is_waited_for(
    worker: Node, open_node: Callable[[str], Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.close()
    monkeypatch.setattr(remote, "_TAKEOVER", PATIENCE)
    monkeypatch.setattr("ledger.node.shared.lease.clock.now", _later())
    web = open_node(WEB)
    asked = web.work.mine()
    second = open_node(WORKER)
    assert asked.block.result(PATIENCE).index == 2
    assert second.has_duties


def _later() -> Callable[[], float]:
    """The lease ended just now, by the database's clock, instead of at its beginning."""
    from ledger.models import Lease
    from ledger.node.shared import clock

    now = clock.now
    Lease.objects.update(until=now() - 1)
    return now


def test_old_jobs_are_forgotten(web: Node, worker: Node, ledger_db: Path) -> None:
    web.work.mine().block.result(PATIENCE)
    Job.objects.update(until=F("until") - 3600)
    worker.writer.run(jobs.forget_old)
    assert not Job.objects.exists()
