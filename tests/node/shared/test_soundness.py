"""A chain is checked by a worker, and served by web processes only if it was found sound."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.node.errors import Damaged, Unattended
from ledger.node.node import WEB, Node
from ledger.node.shared import lease, soundness
from tests.node.damage import damage

from .conftest import reached


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(soundness.os, "kill", lambda *given: signals.append(given))
    monkeypatch.setattr(soundness, "_condemned", "")
    return signals


def test_without_a_worker_a_web_process_waits_and_says_for_what(ledger_db: Path) -> None:
    said: list[str] = []
    with pytest.raises(Unattended, match="no worker is at work"):
        soundness.await_worker(0.6, said.append)
    assert said == ["no worker is at work on this node"]


def test_with_a_worker_at_work_it_waits_no_more(worker: Node) -> None:
    soundness.await_worker(0.0)


def test_a_chain_found_broken_is_not_served(worker: Node, killed: list[tuple[int, int]]) -> None:
    lease.note_fault("block 2 has another hash")
    with pytest.raises(Damaged, match="block 2 has another hash"):
        soundness.await_worker(0.0)


def test_web_processes_end_when_a_worker_finds_the_chain_broken(
    web: Node, killed: list[tuple[int, int]]
) -> None:
    assert killed == []
    lease.note_fault("block 2 has another hash")
    reached(lambda: killed)
    assert killed == [(os.getpid(), signal.SIGTERM)], "once"


def test_what_the_check_at_the_start_finds_is_told_to_the_others(
    worker: Node, conf: NodeConf, open_node: Callable[[str], Node]
) -> None:
    web = open_node(WEB)
    reached(lambda: not web.unattended())
    web.work.mine().block.result(20)
    web.close()
    worker.close()
    damage("UPDATE ledger_block SET proof = '1' WHERE \"index\" = 2")
    with pytest.raises(Damaged):
        lifecycle.verify_or_refuse()
    assert lease.standing().fault
