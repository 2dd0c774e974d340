"""Opening the database before anything else is done with it, or saying in words why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

# What SQLite says, what it means, and what to do.
_WORDS: Final = (
    (
        "file is not a database",
        "is no database",
        "Restore a backup in its place, or move it away to begin with a new chain.",
    ),
    (
        "malformed",
        "is a damaged database",
        "Keep a copy of it, then restore a backup in its place.",
    ),
    (
        "full",
        "cannot grow: the disk is full",
        "Free some space and start again; nothing is lost.",
    ),
    (
        "disk I/O error",
        "could not be read or written",
        "Look at the disk: whether it is full, damaged or gone.",
    ),
    (
        "readonly",
        "may not be written",
        "Give the user of this process the right to write it and its folder.",
    ),
    (
        "unable to open",
        "cannot be opened",
        "It must be a file in a folder that the user of this process may write.",
    ),
    (
        "locked",
        "is locked by another process",
        "Wait until that has finished, or stop it.",
    ),
)


def open_database(*, guard: bool = False) -> None:
    """Bring the database to this version; make it where there is none.

    `guard` puts triggers back that somebody has taken away, as `migrate` does.
    Raises `CommandError`, naming the file and what to do, where that cannot be done.
    """
    with failures_in_words():
        executor = MigrationExecutor(connection)
        _refuse_newer(executor)
        if guard or executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=0)


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Turn what the database cannot do into a `CommandError` that says what to do."""
    try:
        yield
    except DatabaseError as error:
        raise CommandError(_in_words(_place(), str(error))) from error


def _place() -> str:
    return str(connection.settings_dict["NAME"])


def _refuse_newer(executor: MigrationExecutor) -> None:
    loader = executor.loader
    unknown = sorted(
        name
        for app, name in loader.applied_migrations
        if app in loader.migrated_apps and (app, name) not in loader.disk_migrations
    )
    if unknown:
        raise CommandError(
            f"{_place()} was written by a newer version of chainsite (it knows {unknown[-1]})."
            " Start that version, or restore a backup from before the upgrade."
        )


def _in_words(place: str, error: str) -> str:
    for said, meaning, advice in _WORDS:
        if said in error:
            return f"{place} {meaning} ({error}). {advice}"
    return f"{place} cannot be used: {error}."
