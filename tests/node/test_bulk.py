"""Storing a long chain has room, and leaves none behind."""

from __future__ import annotations

import resource
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection

from ledger.models import Inclusion
from ledger.node import bulk, identity, lifecycle
from ledger.node.conf import NodeConf
from ledger.node.writer import Writer

from .chains import NETWORK

pytestmark = pytest.mark.sqlite("a server has its room from its own settings")

SETTINGS = ("cache_size", "wal_autocheckpoint", "synchronous")
LONG = 100_000
BY_PARENT = "ledger_block_parent_hash_fba8965f"
INDEXES = {BY_PARENT, *(index.name for index in Inclusion._meta.indexes)}


def of_the_writer() -> tuple[int, ...]:
    with connection.cursor() as cursor:
        return tuple(cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS)


def statements() -> dict[str, str]:
    """How the database says its indexes of blocks and inclusions are made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master"
            " WHERE type = 'index' AND tbl_name IN ('ledger_block', 'ledger_inclusion')"
            " AND sql IS NOT NULL"
        )
        return dict(cursor.fetchall())


@pytest.fixture(autouse=True)
def chain(ledger_db: Path) -> None:
    identity.create(NETWORK)


def test_there_is_room_for_a_while_and_commits_stay_durable(writer: Writer) -> None:
    usual = writer.run(of_the_writer)
    with bulk.room(writer, LONG):
        cache, log, synchronous = writer.run(of_the_writer)
    assert cache < usual[0] < 0, "both in kibibytes, as negative numbers"
    assert log > usual[1]
    assert synchronous == usual[2] == 2
    assert writer.run(of_the_writer) == usual


def test_the_room_is_given_back_when_storing_fails(writer: Writer) -> None:
    usual, indexes = writer.run(of_the_writer), statements()
    with pytest.raises(ValueError, match="no"), bulk.room(writer, LONG):
        assert statements() != indexes
        raise ValueError("no")
    assert writer.run(of_the_writer) == usual
    assert statements() == indexes


def test_indexes_are_put_off_and_made_again_as_they_were(writer: Writer) -> None:
    before = statements()
    assert before.keys() > INDEXES
    with bulk.room(writer, LONG):
        assert statements().keys() == before.keys() - INDEXES
    assert statements() == before


def test_what_is_short_or_shorter_than_our_chain_needs_no_room(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, indexes = writer.run(of_the_writer), statements()
    with bulk.room(writer, 5000):
        assert writer.run(of_the_writer) == usual
        assert statements() == indexes
    monkeypatch.setattr(bulk, "_LONG", -1)
    with bulk.room(writer, 0):  # and there is a genesis
        assert writer.run(of_the_writer) != usual
        assert statements() == indexes


def test_a_node_whose_process_ended_in_between_makes_them_when_it_starts(
    writer: Writer, conf: NodeConf
) -> None:
    before = statements()
    room = bulk.room(writer, LONG)
    room.__enter__()  # and never leaves
    assert statements() != before
    with lifecycle.running(replace(conf, difficulty=NETWORK.difficulty)):
        assert statements() == before


@pytest.mark.skipif(sys.platform != "linux", reason="measures by /proc")
def test_what_was_freed_is_given_back() -> None:
    """All but what was taken last, which keeps the rest from going by itself."""

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

    taken = [bytes(1000) for _ in range(50_000)]
    before = resident()
    del taken[:-1]
    bulk._give_back()
    assert before - resident() > 40_000_000
    assert len(taken) == 1
