"""Commands are called as a person calls them; their output is what is looked at."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import override_settings


@pytest.fixture(autouse=True)
def easy_network(ledger_db: Path) -> object:
    """A new data folder, and proofs that are found quickly."""
    with override_settings(NODE_DIFFICULTY=2, NODE_DATA=ledger_db.parent):
        yield


@pytest.fixture
def manage() -> Callable[..., str]:
    """Call a command; answer what it printed."""

    def call(*arguments: str) -> str:
        out = io.StringIO()
        call_command(*arguments, stdout=out, stderr=io.StringIO())
        return out.getvalue()

    return call


@pytest.fixture
def exported(manage: Callable[..., str], tmp_path: Path) -> Callable[[], dict[str, object]]:
    """The chain as `exportchain` writes it."""

    def export() -> dict[str, object]:
        manage("exportchain", str(tmp_path / "exported.json"))
        return json.loads((tmp_path / "exported.json").read_text())

    return export
