"""Answers that fail half-way: whoever waits for the rest is told by the end of the connection."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
import requests

from tests import databases
from tests.processes import NodeProcess

PATIENCE = 20  # seconds
EXPORT = "/api/v1/exports/transactions?format=csv"


def test_an_answer_that_fails_after_it_began_is_cut_off_each_time(
    node_process: Callable[..., NodeProcess],
) -> None:
    """The fault: a table is gone from under a running node."""
    node = node_process(difficulty=1)
    node.get("/mine")
    assert node.get(EXPORT).text.count("\n") == 2
    databases.rows(node.data / "chain.sqlite3", "ALTER TABLE ledger_inclusion RENAME TO gone")
    for _ in range(3):  # the server goes on looking after its applications
        begun = time.monotonic()
        with pytest.raises(requests.exceptions.RequestException):
            _ = node.get(EXPORT, timeout=PATIENCE).content
        assert time.monotonic() - begun < PATIENCE, "it was never told"
    missing = 'no such table: ledger_inclusion|relation "ledger_inclusion" does not exist'
    assert re.search(missing, node.text)
    assert node.get("/chain").json()["length"] == 2
