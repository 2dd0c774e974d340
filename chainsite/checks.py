"""What an operator should know before others rely on this node: system checks of our own.

`manage.py check` and `runnode` run those of the settings; `runnode`, `migrate` and
`check --database default` also those of the database, which open it.
"""

from __future__ import annotations

import ipaddress
import stat
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, Warning, register
from django.db import connections

from ledger import triggers

from . import configuration, mounts, sqlite_library

NODE: Final = "node"  # as in `ledger.management.base.AT_START`

_MODES: Final = {  # what durability and the guard of history rest on, and how SQLite says it
    "journal_mode": ("wal", "WAL"),
    "synchronous": (2, "FULL"),
    "foreign_keys": (1, "ON"),
    "recursive_triggers": (1, "ON"),
}


@register(NODE)
def unknown_settings(**_: Any) -> list[CheckMessage]:
    """A name in the environment that nothing reads is most often a slip of the pen."""
    return [
        Warning(
            f"{name} is in the environment, and there is no such setting.",
            hint=f"Did you mean {nearest}?" if nearest else "manage.py listsettings lists them.",
            id="chainsite.W001",
        )
        for name, nearest in configuration.strangers().items()
    ]


@register(NODE)
def sound_library(**_: Any) -> list[CheckMessage]:
    """Only worth knowing: where no sound library is to be had, one process alone is safe."""
    if sqlite_library.is_sound():
        return []
    return [
        Info(
            f"This node runs on {sqlite_library.describe()}.",
            hint="Let no second process, commands included, write while the node runs.",
            id="chainsite.I002",
        )
    ]


@register(Tags.security)
def debug_is_for_this_machine(**_: Any) -> list[CheckMessage]:
    if not settings.DEBUG or is_loopback(settings.NODE_HOST):
        return []
    return [
        Error(
            f"CHAINSITE_DEBUG is on while the node listens on {settings.NODE_HOST}:"
            " its error pages would show settings and data to whoever can reach it.",
            hint="Turn one of them off.",
            id="chainsite.E003",
        )
    ]


@register(Tags.security)
def hosts_are_named(**_: Any) -> list[CheckMessage]:
    if "*" not in settings.ALLOWED_HOSTS:
        return []
    return [
        Warning(
            "CHAINSITE_ALLOWED_HOSTS lets in every name: a page of another site can point a name"
            " of its own at this node, and its scripts then count as ours.",
            hint="List the names by which this machine is called.",
            id="chainsite.W004",
        )
    ]


@register(Tags.security)
def secret_key_is_secret(**_: Any) -> list[CheckMessage]:
    path = settings.NODE_DATA / "secret-key"
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return []
    if not mode & 0o077:
        return []
    return [
        Warning(
            f"{path} can be read by others (mode {mode:04o}): who knows the key can sign in.",
            hint=f"chmod 600 {path}",
            id="chainsite.W005",
        )
    ]


@register
def peers_can_come_back(**_: Any) -> list[CheckMessage]:
    """A worker calls peers, and they call back where visitors come in: at the proxy."""
    is_worker = settings.NODE_ROLE == "worker" and settings.NODE_NETWORKING == "automatic"
    if not is_worker or settings.NODE_PUBLIC_ADDRESS:
        return []
    return [
        Warning(
            f"A worker tells peers the port of its own instruments, {settings.NODE_PORT}.",
            hint="Set CHAINSITE_PUBLIC_ADDRESS to where the web processes are reached.",
            id="chainsite.W015",
        )
    ]


@register(Tags.database)
def data_is_on_a_disk(databases: Any = None, **_: Any) -> list[CheckMessage]:
    if not databases or connections["default"].vendor != "sqlite":
        return []
    kind = mounts.kind_of(settings.NODE_DATA)
    if kind in mounts.MEMORY:
        meaning = "is in memory: all of it is gone with the next start of the machine"
    elif kind in mounts.NETWORK:
        meaning = "is on the network, where SQLite's locks and log are not to be relied on"
    else:
        return []
    return [
        Warning(
            f"The data folder {settings.NODE_DATA} {meaning} ({kind}).",
            hint="Name a folder on a disk of this machine with CHAINSITE_DATA.",
            id="chainsite.W006",
        )
    ]


@register(Tags.database)
def modes_are_in_force(databases: Any = None, **_: Any) -> list[CheckMessage]:
    """Read back from the connection: asking for a mode is not having it."""
    connection = connections["default"]
    if not databases or connection.vendor != "sqlite":
        return []
    found = []
    with connection.cursor() as cursor:
        for name, (wanted, called) in _MODES.items():
            cursor.execute(f"PRAGMA {name}")
            (value,) = cursor.fetchone()
            if value != wanted:
                found.append(
                    Error(
                        f"SQLite has {name} at {value}, and not at {called}.",
                        hint="What is acknowledged could be lost, or history be changed. Some"
                        " file systems cannot do it: use another data folder.",
                        id="chainsite.E007",
                    )
                )
    return [*found]


@register(Tags.database)
def history_is_guarded(databases: Any = None, **_: Any) -> list[CheckMessage]:
    connection = connections["default"]
    # Before the first migration there is nothing to guard.
    if not databases or "ledger_inclusion" not in connection.introspection.table_names():
        return []
    missing = sorted(triggers.names() - triggers.installed(connection))
    if not missing:
        return []
    return [
        Warning(
            f"Triggers that keep history from being changed are missing: {', '.join(missing)}.",
            hint="Run manage.py migrate, which puts them back, and then manage.py verifychain.",
            id="chainsite.W008",
        )
    ]


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
