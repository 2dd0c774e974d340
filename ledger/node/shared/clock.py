"""One clock for processes that may run on several machines: the database's."""

from __future__ import annotations

import time

from django.db import connection


def now() -> float:
    """Seconds since the epoch. SQLite has no clock but this machine's, where all of them run."""
    if connection.vendor != "postgresql":
        return time.time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
        return float(cursor.fetchone()[0])
