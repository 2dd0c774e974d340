from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from django.db import connection

from chainsite import sqlite_library

pytestmark = pytest.mark.sqlite("its library and its modes; tests/postgresql tells of a server's")


def library(name: str, *version: int) -> SimpleNamespace:
    return SimpleNamespace(
        __name__=name, sqlite_version_info=version, sqlite_version=".".join(map(str, version))
    )


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python built with a library that has the bug."""
    old = library("sqlite3", 3, 40, 1)
    monkeypatch.setattr(sqlite_library, "sqlite3", old)
    monkeypatch.setitem(sys.modules, "sqlite3", old)


def test_a_sound_library_takes_the_place_of_a_faulty_one(
    faulty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysqlite3", library("pysqlite3", 3, 53, 4))
    assert sqlite_library.choose() == "SQLite 3.53.4 (bundled with pysqlite3)"
    assert sys.modules["sqlite3"].__name__ == "pysqlite3"
    assert sqlite_library.is_sound()


def test_where_there_is_no_other_the_bug_is_named(
    faulty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysqlite3", None)
    assert "WAL bug" in sqlite_library.choose()
    assert not sqlite_library.is_sound()


def test_an_older_bundled_library_is_not_taken(
    faulty: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysqlite3", library("pysqlite3", 3, 35, 0))
    assert sqlite_library.choose().startswith("SQLite 3.40.1")


def test_a_sound_library_of_pythons_own_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = library("sqlite3", 3, 51, 3)
    monkeypatch.setattr(sqlite_library, "sqlite3", sound)
    monkeypatch.setitem(sys.modules, "sqlite3", sound)
    assert sqlite_library.choose() == "SQLite 3.51.3"


def test_the_modes_that_durability_rests_on_are_in_force(ledger_db: object) -> None:
    with connection.cursor() as cursor:
        modes = {}
        for name in ("journal_mode", "synchronous", "foreign_keys", "mmap_size"):
            cursor.execute(f"PRAGMA {name}")
            row = cursor.fetchone()
            modes[name] = row[0] if row else 0
    assert modes == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "mmap_size": 0}


def test_a_transaction_takes_the_write_lock_when_it_begins(ledger_db: object) -> None:
    assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
