"""In this folder, tests are on a PostgreSQL server whatever the others are on.

Most of them are the tests of other folders, which are imported and run again with these fixtures.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests import databases, postgresql_server, processes
from tests.api.conftest import caller, chain, lasting_node, reading, unchanged
from tests.conftest import make_migrated
from tests.network.conftest import asking
from tests.node.conftest import (
    chain_with_a_past,
    fast_folder,
    fast_module_folder,
    listeners,
    unblocked,
    writer,
)
from tests.postgresql_server import Server

__all__ = [
    # Fixtures of other folders.
    "asking",
    "caller",
    "chain",
    "chain_with_a_past",
    "fast_folder",
    "fast_module_folder",
    "lasting_node",
    "listeners",
    "reading",
    "unblocked",
    "unchanged",
    "writer",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.servers)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One for all tests here that a process runs."""
    with postgresql_server.server() as own:
        yield own


@pytest.fixture(scope="session")
def migrated(
    server: Server, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Path:
    """A database with all tables and triggers on it, and no node in it yet."""
    with databases.on_server(server.folder), django_db_blocker.unblock():
        return make_migrated(tmp_path_factory.mktemp("on-server") / "chain.sqlite3")


@pytest.fixture(scope="module", autouse=True)
def on_server(server: Server, migrated: Path) -> Iterator[None]:
    """Databases are there, those of nodes as processes too."""
    with databases.on_server(server.folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "template", migrated)
        yield
