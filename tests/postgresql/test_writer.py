"""One writer, on PostgreSQL: what it does on SQLite, and turns among processes."""

from __future__ import annotations

from tests.node.test_two_processes import (
    test_two_processes_seal_one_block_an_index_and_lose_nothing,
)
from tests.node.test_writer import *  # noqa: F403

__all__ = ["test_two_processes_seal_one_block_an_index_and_lose_nothing"]
