from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError

from ledger.models import Block
from tests.processes import PROJECT

Manage = Callable[..., str]


def test_the_file_is_the_body_of_get_chain(manage: Manage, tmp_path: Path) -> None:
    manage("mine", "3")
    target = tmp_path / "chain.json"
    assert "4 blocks in" in manage("exportchain", str(target))
    body = json.loads(target.read_text())
    assert body["length"] == 4
    texts = list(Block.objects.order_by("index").values_list("canonical", flat=True))
    assert target.read_text() == f'{{"chain": [{", ".join(texts)}], "length": 4}}'


def test_a_dash_means_standard_output(manage: Manage, ledger_db: Path) -> None:
    manage("mine", "2")
    done = subprocess.run(
        [sys.executable, "manage.py", "exportchain", "-"],
        cwd=PROJECT,
        env={**os.environ, "CHAINSITE_DATA": str(ledger_db.parent)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert json.loads(done.stdout)["length"] == 3


def test_an_export_that_fails_leaves_the_old_file_alone(manage: Manage, tmp_path: Path) -> None:
    target = tmp_path / "no such folder" / "chain.json"
    with pytest.raises(CommandError, match="No such file"):
        manage("exportchain", str(target))
    assert not target.exists()


def test_no_draft_is_left_beside_the_file(manage: Manage, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    manage("exportchain", str(folder / "chain.json"))
    assert [path.name for path in folder.iterdir()] == ["chain.json"]
