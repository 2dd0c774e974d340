"""Requests within this process, and a log that can be read."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import AsyncClient

from chainsite.instruments.logs import TextFormatter


@pytest.fixture
def client() -> AsyncClient:
    return AsyncClient()


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What is logged meanwhile, as text."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter())
    loggers: list[Any] = [logging.getLogger(name) for name in ("ledger", "chainsite")]
    for logger in loggers:
        logger.addHandler(handler)
    yield stream
    for logger in loggers:
        logger.removeHandler(handler)
