"""Where the chain is kept: in a file of SQLite's, or in a database of a PostgreSQL server.

What both need to keep their word is said here, and read back at the start (`chainsite.checks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from .kinds import Setting

_KIND: Final = (
    "the address of a PostgreSQL database, postgresql://USER:PASSWORD@HOST:PORT/DATABASE with what"
    " is special in a password percent-encoded"
)
# Django's names for them; whatever else an address says goes to the driver as it is.
_NAMES: Final = {
    "dbname": "NAME",
    "user": "USER",
    "password": "PASSWORD",
    "host": "HOST",
    "port": "PORT",
}
_CONNECTING: Final = {
    "application_name": "chainsite",
    "connect_timeout": "5",  # seconds
    # A server that is gone without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",  # milliseconds
}
# Whoever waits for a lock, or holds one and does nothing, gives up; what takes longer by its nature
# (the whole chain, migrations) says so where it is done.
_SESSION: Final = (
    "-c lock_timeout=5s -c statement_timeout=15s -c idle_in_transaction_session_timeout=10s"
)


@dataclass(frozen=True)
class DatabaseAddress:
    """The address of a PostgreSQL database; as text it is without its password."""

    parameters: Mapping[str, str]

    def __str__(self) -> str:
        part = {name: quote(self.parameters.get(name, ""), safe="") for name in _NAMES}
        host, rest = self.parameters.get("host", ""), ""
        if "/" in host:  # the folder of its socket
            host, rest = "", f"?host={quote(host)}"
        elif ":" in host:
            host = f"[{host}]"
        user = f"{part['user']}@" if part["user"] else ""
        port = f":{part['port']}" if part["port"] else ""
        return f"postgresql://{user}{host}{port}/{part['dbname']}{rest}"


def database_url(name: str, meaning: str) -> Setting[DatabaseAddress | None]:
    """Where another database than the file is. Its value is never quoted: it holds a password."""
    return Setting(name, None, meaning, _KIND, _parse, is_secret=True)


def in_file(path: Path) -> dict[str, Any]:
    """What Django needs to keep the chain in this file."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # FULL: a commit is on the disk before it is acknowledged. IMMEDIATE: a transaction
            # takes the write lock when it begins, so it never fails half-way for want of it.
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=0;"
                "PRAGMA foreign_keys=ON;"
                # Without it, INSERT OR REPLACE deletes rows and wakes no DELETE trigger.
                "PRAGMA recursive_triggers=ON"
            ),
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        },
    }


def on_server(address: DatabaseAddress) -> dict[str, Any]:
    """What Django needs to keep the chain there."""
    given = dict(address.parameters)
    names = {django: given.pop(name, "") for name, django in _NAMES.items()}
    options = f"{_SESSION} {given.pop('options', '')}".strip()
    return {
        "ENGINE": "chainsite.postgresql",
        **names,
        "CONN_MAX_AGE": None,
        "OPTIONS": {**_CONNECTING, **given, "options": options},
    }


def _parse(text: str) -> DatabaseAddress:
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict
    except ImportError:
        raise ImproperlyConfigured(
            "DATABASE_URL is set, and psycopg, which speaks to PostgreSQL, is not installed:"
            " start with `python3 dev.py run`, which installs it, or install requirements/scale.txt"
        ) from None
    try:
        found = {name: str(value) for name, value in conninfo_to_dict(text).items()}
    except ProgrammingError:
        raise ValueError from None
    is_named = found.get("dbname") or found.get("service")
    # A port that is no number may be a piece of a password with a slash in it.
    if not is_named or not set(found.get("port", "")) <= set("0123456789,"):
        raise ValueError
    return DatabaseAddress(found)
