"""What tests share: a database of their own, a node in this process, nodes as processes.

History cannot be deleted, so no test database is ever flushed: each test works on a copy of one
that was migrated. That is also what makes commits real: no test runs inside a transaction.

With `CHAINSITE_TEST_DATABASE=postgresql` all of them are on a PostgreSQL server; see `databases`.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker
from servestatic.middleware import ServeStaticMiddleware

from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from tests import databases, postgresql_server, processes
from tests.processes import NodeProcess

VECTORS = Path(__file__).parent / "vectors"

# The README of the vectors: the hash of each recorded chain's last block.
VECTOR_TIPS = {
    "seed": "7874f9c199485e27ad38e890d2db29b606895a14bbbf8e6b77385181a8deb785",
    "dvf": "a5339e8bb18a417b4e2555c5448983e589aee85584fab20aca8fac16b93cf8a0",
    "js": "f2d56a5a77ab27c6d295cc9e0e874d7d71f994b3f8b4d6fec8bf0a90cab2794d",
}


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Every test client has the middleware look for all static files; they stay the same."""
    find, found = ServeStaticMiddleware.add_files_from_finders, dict[str, Any]()

    def add_files_from_finders(self: ServeStaticMiddleware) -> None:
        if not found:
            find(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ServeStaticMiddleware, "add_files_from_finders", add_files_from_finders)
        yield


def use_database(path: Path) -> None:
    """Point Django at a database, in this thread and in those that start from now on."""
    databases.use(path)


ON_POSTGRESQL = os.environ.get("CHAINSITE_TEST_DATABASE") == "postgresql"

# What uses neither a database nor a node of the tests' is the same code there.
PURE = ["consensus", "mining"]
PURE += [f"test_{what}.py" for what in ("bench", "dev_network", "dev_script", "docs")]
collect_ignore = PURE if ON_POSTGRESQL else []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if ON_POSTGRESQL and item.get_closest_marker("long_on_postgresql"):
            item.add_marker(pytest.mark.long)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests of what SQLite alone has say so, with the reason."""
    mark = item.get_closest_marker("sqlite")
    if mark and (databases.server() or ON_POSTGRESQL):
        pytest.skip(f"about SQLite: {mark.args[0]}")


@pytest.fixture(scope="session", autouse=True)
def database_server() -> Iterator[None]:
    """The server that databases are on, where they are to be on one."""
    if not ON_POSTGRESQL:
        yield
        return
    with postgresql_server.server() as own, databases.on_server(own.folder):
        yield


@pytest.fixture(scope="session", autouse=True)
def migrated(
    database_server: None,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
    worker_id: str,
) -> Path:
    """A database with all tables and triggers, and no node in it yet. All workers of a run have
    the file that the first of them makes; on a server, each has its own."""
    own = tmp_path_factory.getbasetemp()
    path = (own if worker_id == "master" else own.parent) / "migrated.sqlite3"
    with django_db_blocker.unblock():
        if databases.server():
            path = make_migrated(own / "migrated.sqlite3")
        else:
            with path.with_suffix(".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not path.exists():
                    make_migrated(path.with_suffix(".new")).rename(path)
        use_database(path)
    processes.template = path
    return path


def make_migrated(path: Path) -> Path:
    databases.make(path)
    use_database(path)
    call_command("migrate", verbosity=0)
    databases.settle()
    return path


@pytest.fixture
def ledger_db(migrated: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """An empty, migrated database of this test's own."""
    path = databases.copy(migrated, tmp_path / "chain.sqlite3")
    with django_db_blocker.unblock():
        use_database(path)
        yield path
        connections.close_all()
    if databases.server():  # each takes 8 MB there
        databases.remove(path)


@pytest.fixture
def conf(tmp_path: Path) -> NodeConf:
    """A node that finds its proofs quickly."""
    return replace(
        NodeConf.from_settings(), data=tmp_path, dialect="seed", difficulty=2, peer_deadline=3.0
    )


@pytest.fixture
def node(ledger_db: Path, conf: NodeConf) -> Iterator[lifecycle.Node]:
    """The running node of this process. Override `conf` for another one."""
    running = lifecycle.start(conf)
    yield running
    lifecycle.stop()


@pytest.fixture
def node_process(tmp_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Start nodes as an operator does, each a process with a data folder of its own."""
    started: list[NodeProcess] = []

    def start(**options: object) -> NodeProcess:
        data = options.pop("data", tmp_path / f"node-{len(started)}")
        process = NodeProcess(Path(str(data)), **options)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
