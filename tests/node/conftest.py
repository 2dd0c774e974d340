"""What the tests of the node share."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from pytest_django.plugin import DjangoDbBlocker

from ledger.node import identity
from ledger.node.events import Listeners
from ledger.node.writer import Writer

from .chains import NETWORK
from .life import Life, give_it_a_past
from .statements import raise_crash


@pytest.fixture
def unblocked(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The database may be used: the test makes its own files."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


@contextmanager
def _folder_in_memory() -> Iterator[Path]:
    """A folder in memory where there is one: a killed process loses nothing there, and the flushes
    that only a power cut needs cost nothing."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="chainsite-", dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def fast_folder() -> Iterator[Path]:
    with _folder_in_memory() as folder:
        yield folder


@pytest.fixture(scope="module")
def fast_module_folder() -> Iterator[Path]:
    with _folder_in_memory() as folder:
        yield folder


@pytest.fixture
def listeners() -> Listeners:
    return Listeners()


@pytest.fixture
def writer(ledger_db: Path, listeners: Listeners) -> Iterator[Writer]:
    """A writer on an empty database."""
    writer = Writer(listeners)
    yield writer
    writer.close()


@pytest.fixture
def chain_with_a_past(ledger_db: Path) -> Path:
    """Six active blocks (our transactions in 2, 3 and 6), two stale ones, a pool."""
    with transaction.atomic():
        identity.create(NETWORK)
    life = Life(lambda **line: None, raise_crash)
    give_it_a_past(life)
    life.writer.close()
    connection.close()
    return ledger_db


def seed_of_this_run() -> int:
    """Another one each time; `CHAINSITE_TEST_SEED` repeats a run."""
    seed = int(os.environ.get("CHAINSITE_TEST_SEED") or random.randrange(2**31))
    print(f"CHAINSITE_TEST_SEED={seed}")
    return seed
