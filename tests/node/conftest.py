"""What the tests of the node share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
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


@pytest.fixture
def fast_folder() -> Iterator[Path]:
    """A folder in memory where there is one: crashes of processes lose nothing there, and the
    flushes that only a power cut needs cost nothing."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="chainsite-", dir=memory if memory.is_dir() else None))
    yield folder
    shutil.rmtree(folder)
