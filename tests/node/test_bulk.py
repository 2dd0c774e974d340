"""Storing a long chain has room, and leaves none behind."""

from __future__ import annotations

import pytest
from django.db import connection

from ledger.node import bulk
from ledger.node.writer import Writer

pytestmark = pytest.mark.django_db(transaction=True)

SETTINGS = ("cache_size", "wal_autocheckpoint", "synchronous")


def of_the_writer() -> tuple[int, ...]:
    with connection.cursor() as cursor:
        return tuple(cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS)


def test_there_is_room_for_a_while_and_commits_stay_durable(writer: Writer) -> None:
    usual = writer.run(of_the_writer)
    with bulk.room(writer):
        cache, log, synchronous = writer.run(of_the_writer)
    assert cache < usual[0] < 0, "both in kibibytes, as negative numbers"
    assert log > usual[1]
    assert synchronous == usual[2] == 2
    assert writer.run(of_the_writer) == usual


def test_the_room_is_given_back_when_storing_fails(writer: Writer) -> None:
    usual = writer.run(of_the_writer)
    with pytest.raises(ValueError, match="no"), bulk.room(writer):
        raise ValueError("no")
    assert writer.run(of_the_writer) == usual
