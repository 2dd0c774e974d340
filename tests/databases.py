"""Where tests keep their databases: in files of SQLite's, or on a PostgreSQL server of their own.

A database is called by the path of its file. On the server it has a name made from that path, and
there is no file. Which of the two it is stands in the environment, so that the processes a test
starts know it too.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection, connections

from chainsite import databases
from ledger.node import turns

SERVER = "CHAINSITE_TEST_SERVER"  # the folder of the server's socket


def server() -> str:
    """The folder of the server's socket; empty where files are used."""
    return os.environ.get(SERVER, "")


@contextmanager
def on_server(folder: Path) -> Iterator[None]:
    """Databases are on this server meanwhile."""
    before = os.environ.get(SERVER)
    os.environ[SERVER] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("DATABASE_URL", None)
        os.environ.pop(SERVER)
        if before is not None:
            os.environ[SERVER] = before


def _name(path: Path) -> str:
    return f"t_{hashlib.sha256(str(path).encode()).hexdigest()[:20]}"


def url(path: Path) -> str:
    return f"postgresql://chainsite@/{_name(path)}?host={quote(server(), safe='')}"


def environment(path: Path) -> dict[str, str]:
    """What a process needs to know to find the database, beside its data folder."""
    return {"DATABASE_URL": url(path)} if server() else {}


def settings(path: Path) -> dict[str, Any]:
    """What Django needs to find the database."""
    address = databases._parse(url(path)) if server() else None
    found = databases.in_file(path) if address is None else databases.on_server(address)
    return {**found, "NAME": str(found["NAME"])}


def use(path: Path) -> None:
    """Point Django at a database, in this thread and in those that start from now on, and the
    processes that are started without saying more."""
    connection.close()
    wanted = settings(path)
    if connection.settings_dict["ENGINE"] != wanted["ENGINE"]:
        del connections["default"]
        connections.settings["default"] = connections.configure_settings({"default": wanted})[
            "default"
        ]
    for conf in (connections.settings["default"], connection.settings_dict):
        conf.update(wanted)
    os.environ.update(environment(path))


def make(path: Path) -> None:
    """An empty database, where there is none yet. A file comes by itself."""
    if server() and not _ask("SELECT 1 FROM pg_database WHERE datname = %s", _name(path)):
        _ask(f"CREATE DATABASE {_name(path)} TEMPLATE template0 {_by_files()}")


def copy(source: Path, target: Path) -> Path:
    """Make `target` a copy of `source`, to which nobody may be connected."""
    if server():
        remove(target)
        _ask(f"CREATE DATABASE {_name(target)} TEMPLATE {_name(source)} {_by_files()}")
    else:
        shutil.copy(source, target)
    return target


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Meanwhile somebody else writes: nobody has a turn."""
    if not server():
        with closing(sqlite3.connect(path, isolation_level=None)) as own:
            own.execute("BEGIN IMMEDIATE")
            own.execute("DELETE FROM ledger_peer")
            yield
            own.execute("ROLLBACK")
        return
    import psycopg

    with psycopg.connect(url(path)) as own:
        own.execute("SELECT pg_advisory_xact_lock(%s)", [turns.LOCK])
        own.execute("DELETE FROM ledger_peer")
        yield
        own.rollback()


def wait_no_longer_than(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a lock, on the connections that are made from now on."""
    options = connections.settings["default"]["OPTIONS"]
    if not server():
        monkeypatch.setitem(options, "timeout", seconds)
        return
    words = f"{options['options']} -c lock_timeout={seconds * 1000:.0f}ms"
    monkeypatch.setitem(options, "options", words)


def spoil(when: str, action: str) -> None:
    """Have this thread's database do something of its own `when` (AFTER INSERT ON …), until `heal`.
    `fail` stands for refusing."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            action = "SELECT RAISE(ABORT, 'spoiled')" if action == "fail" else action
            cursor.execute(f"CREATE TRIGGER spoiled {when} BEGIN {action}; END")
            return
        action = "RAISE EXCEPTION 'spoiled'" if action == "fail" else action
        cursor.execute(
            "CREATE FUNCTION spoiled() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN {action}; RETURN NEW; END $$"
        )
        cursor.execute(f"CREATE TRIGGER spoiled {when} FOR EACH ROW EXECUTE FUNCTION spoiled()")


def heal() -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER spoiled")
        else:
            cursor.execute("DROP FUNCTION spoiled CASCADE")


def is_read(path: Path) -> bool:
    """Whether somebody has an open view of it."""
    if not server():
        with closing(sqlite3.connect(path, timeout=0.1)) as own:  # the log cannot be emptied
            return bool(own.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = %s AND state LIKE 'idle in%%'"
    return bool(_ask(query, _name(path)))


def logged(path: Path) -> int:
    """How many bytes have been logged for good: it grows with each commit."""
    if not server():
        return path.with_name(f"{path.name}-wal").stat().st_size
    ((place,),) = rows(path, "SELECT pg_current_wal_flush_lsn() - '0/0'")
    return int(place)


def settle() -> None:
    """Fold SQLite's log into the file and let go of it: it can be copied then."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def remove(path: Path) -> None:
    """Take a database away, connections to it included."""
    if server():
        _ask(f"DROP DATABASE IF EXISTS {_name(path)} WITH (FORCE)")
        return
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


@contextmanager
def asking(path: Path) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """A connection of its own, to call with a query and its values, for which `?` stand."""
    if not server():
        with closing(sqlite3.connect(path, timeout=20)) as file, file:
            yield lambda query, *values: file.execute(query, values).fetchall()
        return
    import psycopg

    with psycopg.connect(url(path), autocommit=True) as own:
        yield lambda query, *values: _answer(
            own, query.replace("?", "%s") if values else query, *values
        )


def rows(path: Path, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a query finds, or changes."""
    with asking(path) as ask:
        return ask(query, *values)


def contents(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    tables = (
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        if server()
        else "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    )
    with asking(path) as ask:  # one: on a server, to connect is most of what a query takes
        return {table: ask(f'SELECT * FROM "{table}"') for (table,) in ask(tables)}


def write(path: Path, statement: str, rows: list[tuple[Any, ...]]) -> None:
    """What another process writes in one transaction, once for each row."""
    if not server():
        with closing(sqlite3.connect(path, timeout=20)) as file, file:
            file.executemany(statement, rows)
        return
    import psycopg

    with psycopg.connect(url(path)) as own:
        own.execute("SELECT pg_advisory_xact_lock(%s)", [turns.LOCK])
        own.cursor().executemany(statement.replace("?", "%s"), rows)


FORBIDDEN = re.compile("attempt to write a readonly database|in a read-only transaction")


def forbid_writing() -> None:
    """On this thread's connection. It is refused in the words of `FORBIDDEN` then."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA query_only = 1")
        else:
            cursor.execute("SET default_transaction_read_only = on")


def _by_files() -> str:
    """A server that can do otherwise (15 and newer) logs a copy page by page, which takes it more
    than twice the time."""
    ((version,),) = _ask("SHOW server_version_num")
    return "STRATEGY FILE_COPY" if int(version) >= 150000 else ""


def _ask(statement: str, *parameters: str) -> list[Any]:
    import psycopg

    kept = _kept.get((server(), os.getpid()))
    if kept is not None:
        try:
            return _answer(kept, statement, *parameters)
        except psycopg.OperationalError:
            if not kept.closed:  # the server may have crashed since
                raise
    address = f"postgresql://chainsite@/postgres?host={quote(server(), safe='')}"
    own = _kept[server(), os.getpid()] = psycopg.connect(address, autocommit=True)
    return _answer(own, statement, *parameters)


def _answer(own: Any, statement: str, *parameters: Any) -> list[Any]:
    cursor = own.execute(statement, parameters or None)
    return cursor.fetchall() if cursor.description else []


_kept: dict[tuple[str, int], Any] = {}
"""Connections, one for each process: to make one is half of what most of this costs."""
