"""What a PostgreSQL server must be set to so that a node on it keeps its word.

Read back from the connection, since a server, a database, a role and a pooler can each say
otherwise than the address does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

Settings = Mapping[str, str]

_NAMES: Final = (
    *("synchronous_commit", "synchronous_standby_names", "fsync", "full_page_writes"),
    *("server_encoding", "session_replication_role"),
    *("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"),
)


@register(Tags.database)
def server_keeps_its_word(databases: Any = None, **_: Any) -> list[CheckMessage]:
    connection = connections["default"]
    if not databases or connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, setting FROM pg_settings WHERE name = ANY(%s)", [[*_NAMES]])
        settings = dict(cursor.fetchall())
    return [message for check in _CHECKS for message in check(settings)]


def _commits(settings: Settings) -> list[CheckMessage]:
    """COMMIT answers when the commit is on the disk, and on those of standbys that are waited for.

    `local` and `remote_write` flush here too, so without standbys they are as good as `on`.
    """
    level = settings["synchronous_commit"]
    if level in ("on", "remote_apply"):
        return []
    if level != "off" and not settings["synchronous_standby_names"]:
        return []
    lost = "a crash of the server" if level == "off" else "a move to a standby"
    return [
        Error(
            f"PostgreSQL has synchronous_commit at {level}, and not at on: {lost} would lose what"
            " this node acknowledged.",
            hint="ALTER DATABASE … SET synchronous_commit = on",
            id="chainsite.E009",
        )
    ]


def _disk(settings: Settings) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if settings["fsync"] != "on":
        found.append(
            Error(
                "PostgreSQL has fsync off: a power cut could lose what this node acknowledged, and"
                " the whole database with it.",
                hint="Set fsync = on in postgresql.conf.",
                id="chainsite.E010",
            )
        )
    if settings["full_page_writes"] != "on":
        found.append(
            Warning(
                "PostgreSQL has full_page_writes off: a power cut could tear pages.",
                hint="Set it on, unless the file system never writes half a page.",
                id="chainsite.W011",
            )
        )
    return found


def _text(settings: Settings) -> list[CheckMessage]:
    if settings["server_encoding"] == "UTF8":
        return []
    return [
        Error(
            f"The database stores text as {settings['server_encoding']}, which lacks characters"
            " that blocks have.",
            hint="CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8'",
            id="chainsite.E012",
        )
    ]


def _triggers(settings: Settings) -> list[CheckMessage]:
    role = settings["session_replication_role"]
    if role == "origin":
        return []
    return [
        Error(
            f"PostgreSQL has session_replication_role at {role}: the triggers that keep history"
            " from being changed do not fire.",
            hint="ALTER ROLE … RESET session_replication_role",
            id="chainsite.E013",
        )
    ]


def _patience(settings: Settings) -> list[CheckMessage]:
    endless = [name for name in _NAMES if name.endswith("_timeout") and settings[name] == "0"]
    if not endless:
        return []
    return [
        Warning(
            f"PostgreSQL has no {', '.join(endless)} for this node, which asks for them: whoever"
            " waits for a process that hangs may wait for ever.",
            hint="Connect without a pooler, or have it pass the parameter `options` on.",
            id="chainsite.W014",
        )
    ]


_CHECKS: Final[tuple[Callable[[Settings], list[CheckMessage]], ...]] = (
    *(_commits, _disk, _text, _triggers, _patience),
)
