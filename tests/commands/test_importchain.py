from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.test import override_settings

from ledger.models import Block, Tip
from ledger.node import lifecycle
from tests.conftest import VECTOR_TIPS, VECTORS

Manage = Callable[..., str]


@pytest.fixture
def dialect() -> str:
    return "seed"


@pytest.fixture(autouse=True)
def recorded_network(easy_network: object, dialect: str) -> Iterator[None]:
    with override_settings(NODE_DIFFICULTY=4, NODE_DIALECT=dialect):
        yield


@pytest.mark.parametrize("dialect", ["seed", "dvf", "js"])
def test_a_recorded_chain_is_adopted_by_its_dialect(manage: Manage, dialect: str) -> None:
    printed = manage("importchain", str(VECTORS / f"{dialect}-a.json"))
    assert "adopted 9 blocks: 1 went, 9 came above 0" in printed
    tip = Tip.objects.select_related("block").get()
    assert tip.block.hash == VECTOR_TIPS[dialect]
    assert tip.block.origin == Block.Origin.IMPORT
    assert lifecycle.verify().sound


def test_a_dash_means_standard_input(manage: Manage, monkeypatch: pytest.MonkeyPatch) -> None:
    body = (VECTORS / "seed-a.json").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(body)))
    assert "adopted 9 blocks" in manage("importchain", "-")


def test_a_chain_that_is_not_longer_changes_nothing(manage: Manage) -> None:
    manage("importchain", str(VECTORS / "seed-a.json"))
    version = Tip.objects.get().version
    assert "our chain stays" in manage("importchain", str(VECTORS / "seed-a.json"))
    assert Tip.objects.get().version == version


def test_another_dialect_is_refused_by_name(manage: Manage) -> None:
    with pytest.raises(CommandError, match="speaks dvf, difficulty 4; this node speaks seed"):
        manage("importchain", str(VECTORS / "dvf-a.json"))
    assert Block.objects.count() == 1


def test_a_file_that_ends_in_the_middle_stores_nothing(manage: Manage, tmp_path: Path) -> None:
    cut = tmp_path / "cut.json"
    cut.write_bytes((VECTORS / "seed-a.json").read_bytes()[:-300])
    with pytest.raises(CommandError, match="ends in the middle"):
        manage("importchain", str(cut))
    assert Block.objects.count() == 1


def test_a_missing_file_is_said_to_be_missing(manage: Manage) -> None:
    with pytest.raises(CommandError, match="No such file"):
        manage("importchain", "/nowhere/chain.json")
