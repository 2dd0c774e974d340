"""Verification in a process of its own: nobody waits for it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.node import lifecycle, operator
from ledger.node.conf import NodeConf
from ledger.node.errors import NodeError
from tests.pages.forked import seal, submit

from .damage import ACTIVE, damage


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def test_it_finds_what_verification_here_finds_while_the_node_goes_on(
    node: lifecycle.Node,
) -> None:
    submit(node, "alice", "bob", 5)
    seal(node, 4)
    damage(
        "UPDATE ledger_block SET canonical = replace(canonical, '\"proof\": ', '\"proof\": 1')"
        f" WHERE {ACTIVE.format(2)}"
    )
    written = []

    def write_meanwhile(done: int, total: int) -> None:
        written.append((done, total))
        submit(node, "meanwhile", "bob", done)  # the child is not done with its reading yet

    found = operator.verify(progress=write_meanwhile)
    assert written == [(5, 5)]
    assert list(found.faults) == lifecycle.verify().faults
    assert (found.blocks, found.stale) == (5, 0)
    assert str(found).startswith("1 fault was found.\nI2: block 2: ")
    assert lifecycle.verify(last=3).sound, "what is below is not looked at"
    assert not lifecycle.verify(last=4).sound


def test_a_child_that_fails_is_an_error_and_no_verdict(
    node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(NodeError, match="without a result: it said nothing"):
        operator.verify()


def test_a_child_that_complains_at_length_is_heard_to_its_end(
    node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """More than a pipe holds, before it says anything else."""
    child = tmp_path / "child"
    child.write_text(f'#!/bin/sh\nyes complaint | head -c 300000 >&2\nexec {sys.executable} "$@"\n')
    child.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(child))
    assert operator.verify().sound


@pytest.mark.parametrize(("last", "checked"), [(1, 1), (2, 2), (4, 4), (5, 5), (99, 5)])
def test_the_last_blocks_alone_can_be_checked(
    node: lifecycle.Node, last: int, checked: int
) -> None:
    seal(node, 4)
    report = lifecycle.verify(last=last)
    assert report.sound
    assert report.blocks == checked


def test_the_first_of_the_last_blocks_is_checked_against_its_parent(node: lifecycle.Node) -> None:
    seal(node, 4)
    damage(f"UPDATE ledger_block SET hash = '{'0' * 64}' WHERE {ACTIVE.format(3)}")
    (fault,) = lifecycle.verify(last=2).faults
    assert (fault.invariant, fault.index) == ("I3", 4)
