"""The first start makes the node, once; every other start finds it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger import models
from ledger.node import identity, lifecycle
from ledger.node.conf import NodeConf
from ledger.node.errors import NodeError


def test_the_first_start_makes_an_identity_and_a_genesis(ledger_db: Path, conf: NodeConf) -> None:
    own = lifecycle.prepare(conf)
    assert len(own.identifier) == 32
    assert models.Block.objects.get().origin == models.Block.Origin.GENESIS
    assert models.Tip.objects.get().version == 1
    assert lifecycle.verify().sound


def test_later_starts_find_the_same_node(ledger_db: Path, conf: NodeConf) -> None:
    own = lifecycle.prepare(conf)
    assert lifecycle.prepare(conf) == own
    assert lifecycle.prepare(replace(conf, dialect="", difficulty=None)) == own
    assert models.Block.objects.count() == 1


@pytest.mark.parametrize("asked", [{"dialect": "dvf"}, {"difficulty": 5}])
def test_a_data_folder_of_another_network_is_refused(
    ledger_db: Path, conf: NodeConf, asked: dict[str, str]
) -> None:
    lifecycle.prepare(conf)
    with pytest.raises(NodeError, match="a network cannot be changed"):
        lifecycle.prepare(replace(conf, **asked))


def test_of_two_first_starts_the_slower_one_is_told_which_network_it_found(
    ledger_db: Path, conf: NodeConf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked, found nothing, and the other one was faster."""
    first = lifecycle.prepare(conf)
    answers = iter([None])
    found = identity.load
    monkeypatch.setattr(identity, "load", lambda: next(answers, first) and found())
    with pytest.raises(NodeError, match="a network cannot be changed"):
        lifecycle.prepare(replace(conf, dialect="dvf"))
    assert models.Block.objects.count() == 1


def test_a_network_nobody_speaks_is_refused_before_anything_is_made(
    ledger_db: Path, conf: NodeConf
) -> None:
    with pytest.raises(NodeError, match="there is no dialect 'latin'"):
        lifecycle.prepare(replace(conf, dialect="latin"))
    assert not models.NodeIdentity.objects.exists()
