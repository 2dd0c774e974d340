"""What is looked at when a node starts on PostgreSQL, and what is said when it cannot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection

from chainsite.postgresql.checks import server_keeps_its_word
from tests import databases
from tests.postgresql_server import Server
from tests.processes import NodeProcess, manage_py


def found() -> list[str]:
    return [str(message.id) for message in server_keeps_its_word(databases=["default"])]


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("synchronous_commit = off", ["chainsite.E009"]),
        ("synchronous_commit = local", []),
        ("synchronous_commit = remote_apply", []),
        ("session_replication_role = replica", ["chainsite.E013"]),
        ("lock_timeout = 0", ["chainsite.W014"]),
    ],
)
def test_a_session_that_would_not_keep_its_word_is_told(
    ledger_db: Path, setting: str, told: list[str]
) -> None:
    assert found() == []
    execute(f"SET {setting}")
    assert found() == told


def test_a_node_that_could_lose_what_it_acknowledged_does_not_start(
    node_process: Callable[..., NodeProcess],
) -> None:
    node = node_process(dialect="seed", difficulty=1)
    assert "PostgreSQL" in node.text
    node.stop()
    path = node.data / "chain.sqlite3"
    name = databases.url(path).split("/")[3].split("?")[0]
    databases.rows(path, f"ALTER DATABASE {name} SET synchronous_commit = off")
    with pytest.raises(RuntimeError, match=r"(?s)chainsite\.E009.*a crash of the server"):
        node.start()


def test_what_cannot_be_reached_is_said_in_words(tmp_path: Path, server: Server) -> None:
    here = f"?host={server.folder}"
    for url, words in (
        ("postgresql://chainsite@127.0.0.1:9/chain", "cannot be reached"),
        (f"postgresql://chainsite@/nothing{here}", "is not there"),
        (f"postgresql://nobody@/postgres{here}", "is not there"),
    ):
        done = manage_py("verifychain", CHAINSITE_DATA=str(tmp_path), DATABASE_URL=url)
        assert done.returncode == 1
        assert words in done.stdout, done.stdout
        assert "Traceback" not in done.stdout
