"""Opening the database before anything else is done with it, or saying in words why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor

from ledger import triggers

from .database_words import FILE, SERVER


def open_database(*, guard: bool = False) -> None:
    """Bring the database to this version; make it where there is none.

    `guard` puts triggers back that somebody has taken away, as `migrate` does.
    Raises `CommandError`, naming the file and what to do, where that cannot be done.
    """
    with failures_in_words():
        executor = MigrationExecutor(connection)
        _refuse_newer(executor)
        is_behind = bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        if is_behind or (guard and not triggers.are_in_place(connection)):
            call_command("migrate", interactive=False, verbosity=0)


@contextmanager
def failures_in_words() -> Iterator[None]:
    """Turn what the database cannot do into a `CommandError` that says what to do."""
    try:
        yield
    except Error as error:
        raise CommandError(_in_words(_place(), str(error))) from error


def database_in_words() -> str:
    """What the chain is kept in: the program and its version, and where, if not in the folder."""
    if connection.vendor == "sqlite":
        return str(settings.SQLITE_LIBRARY)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    return f"PostgreSQL {version.split()[0]}, {_place()}"


def _place() -> str:
    """The file, or the database and its server."""
    conf = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(conf["NAME"])
    port = f" (port {conf['PORT']})" if conf["PORT"] else ""
    return f"database {conf['NAME']} on {conf['HOST'] or 'this machine'}{port}"


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
    error = " ".join(error.split())
    for said, meaning, advice in FILE if connection.vendor == "sqlite" else SERVER:
        if said in error:
            return f"{place} {meaning} ({error}). {advice}"
    return f"{place} cannot be used: {error}."
