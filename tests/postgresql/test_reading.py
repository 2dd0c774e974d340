"""Reading beside the writer, on PostgreSQL: of one moment, waiting for nobody."""

from __future__ import annotations

from tests.node.test_reading import *  # noqa: F403
