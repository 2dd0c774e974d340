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
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker


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


def seed_of_this_run() -> int:
    """Another one each time; `CHAINSITE_SEED` repeats a run."""
    seed = int(os.environ.get("CHAINSITE_SEED") or random.randrange(2**31))
    print(f"CHAINSITE_SEED={seed}")
    return seed
