"""A database that cannot be used: what is wrong with it, which file, and what to do."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection

from ledger.management.opening import open_database
from tests import databases
from tests.node.crash_cycles import content_of
from tests.processes import PROJECT, manage_py

Manage = Callable[..., str]

IN_A_FILE = pytest.mark.sqlite("its file is spoiled; tests/postgresql tells of servers")


RUNNODE = ["runnode", "--port", "0"]
# Where a file may not grow, as on a disk without room; then the node in the same process.
RUNNODE_WITHOUT_ROOM = [
    "-c",
    "import os, resource, sys;"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (20480, 20480));"
    f"os.execv(sys.executable, [sys.executable, 'manage.py', *{RUNNODE}])",
]


def said_by(data: Path) -> str:
    """Start a node that must not start; answer what it says."""
    return told(manage_py(*RUNNODE, CHAINSITE_DATA=str(data)))


def told(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stdout
    assert "Ctrl-C" not in done.stdout
    return done.stdout


def refused(path: Path, match: str) -> None:
    with pytest.raises(CommandError, match=match) as error:
        open_database()
    place = f"database {connection.settings_dict['NAME']} on" if databases.server() else str(path)
    assert place in str(error.value)


def all_of(path: Path) -> bytes | str:
    return content_of(path) if databases.server() else path.read_bytes()


@IN_A_FILE
def test_garbage_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "chain.sqlite3").write_bytes(random.Random(4).randbytes(9000))
    said = said_by(tmp_path)
    assert f"{tmp_path / 'chain.sqlite3'} is no database" in said
    assert "Restore a backup in its place, or move it away" in said


@IN_A_FILE
def test_every_command_says_so(ledger_db: Path, manage: Manage) -> None:
    connection.close()
    ledger_db.write_bytes(random.Random(4).randbytes(9000))
    with pytest.raises(CommandError, match="is no database"):
        manage("verifychain")


@IN_A_FILE
def test_a_damaged_database_is_named(ledger_db: Path) -> None:
    connection.close()
    content = bytearray(ledger_db.read_bytes())
    content[4096:65536] = random.Random(4).randbytes(65536 - 4096)
    ledger_db.write_bytes(content)
    refused(ledger_db, "is a damaged database .*restore a backup")


def test_a_database_of_a_newer_version_is_left_alone(ledger_db: Path, manage: Manage) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('ledger', '9999_of_the_future', '2030-01-01')"
        )
    connection.close()
    before = all_of(ledger_db)
    refused(ledger_db, "newer version of chainsite .it knows 9999_of_the_future")
    with pytest.raises(CommandError, match="newer version"):
        manage("mine")
    connection.close()
    assert all_of(ledger_db) == before


@IN_A_FILE
def test_a_folder_in_its_place_is_named(ledger_db: Path) -> None:
    connection.close()
    ledger_db.unlink()
    ledger_db.mkdir()
    refused(ledger_db, "cannot be opened")


@IN_A_FILE
def test_a_database_that_another_process_holds_is_named(
    ledger_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'ledger'")
    connection.close()
    monkeypatch.setitem(connection.settings_dict["OPTIONS"], "timeout", 0.05)
    holder = sqlite3.connect(ledger_db, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        refused(ledger_db, "is locked by another process")
    finally:
        holder.close()


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = said_by(tmp_path / "file" / "data")
    assert f"the data folder {tmp_path / 'file' / 'data'} cannot be used: Not a directory" in said
    assert "CHAINSITE_DATA" in said


@IN_A_FILE
def test_a_disk_without_room_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "CHAINSITE_DATA": str(tmp_path)}
    command = [sys.executable, *RUNNODE_WITHOUT_ROOM]
    said = told(
        subprocess.run(
            command,
            cwd=PROJECT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    )
    assert f"{tmp_path / 'chain.sqlite3'} could not be read or written" in said
    assert "Look at the disk" in said


@IN_A_FILE
def test_a_full_disk_is_said_to_be_full(ledger_db: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'ledger'")
        for table in connection.introspection.table_names():
            if table.startswith("ledger_"):
                cursor.execute(f"ALTER TABLE {table} RENAME TO was_{table}")
        cursor.execute("PRAGMA page_count")
        (pages,) = cursor.fetchone()
        cursor.execute(f"PRAGMA max_page_count={pages}")
    refused(ledger_db, "the disk is full .*nothing is lost")
