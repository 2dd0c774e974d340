"""The triggers that make history append-only, for SQLite and PostgreSQL.

Django's permissions and this project's own code are not enough: a shell, a script or a mistake
could still say UPDATE. So the database itself refuses. They are put in place after every
`migrate` (on SQLite, a migration that remakes a table loses its triggers). Repairs alone take the
triggers off, inside one transaction, and put them back before it commits.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper


class Guard(NamedTuple):
    """`when` is the condition, over OLD and NEW, under which the operation is refused."""

    table: str
    operation: str
    when: str
    why: str


def _changed(*columns: str) -> str:
    return " OR ".join(f'NEW."{name}" IS DISTINCT FROM OLD."{name}"' for name in columns)


_FROZEN: Final = {
    "ledger_block": "a block can be neither changed nor deleted",
    "ledger_event": "an event can be neither changed nor deleted",
    "ledger_reorganisation": "a reorganisation can be neither changed nor deleted",
    "ledger_reorganisedtransaction": "a reorganisation can be neither changed nor deleted",
    "ledger_nodeidentity": "the node's identity can be neither changed nor deleted",
    "ledger_damagedblock": "evidence can be neither changed nor deleted",
}

GUARDS: Final = (
    *(
        Guard(table, operation, "1=1", why)
        for table, why in _FROZEN.items()
        for operation in ("UPDATE", "DELETE")
    ),
    Guard("ledger_transaction", "DELETE", "1=1", "a transaction cannot be deleted"),
    Guard(
        "ledger_transaction",
        "UPDATE",
        _changed(
            *("id", "uid", "sender", "recipient", "amount", "size"),
            *("promised_index", "idempotency_key", "submitted_at", "relayed_by"),
        )
        + " OR NEW.entered < OLD.entered OR NEW.floor > OLD.floor",
        "what was acknowledged cannot be changed",
    ),
    Guard("ledger_inclusion", "DELETE", "1=1", "an inclusion cannot be deleted"),
    Guard(
        "ledger_inclusion",
        "UPDATE",
        "OLD.transaction_id IS NOT NULL OR "
        + _changed(
            *("id", "block_id", "position", "index"),
            *("sender_id", "recipient_id", "amount", "irregular"),
        ),
        "an inclusion cannot be changed, except to name its transaction once",
    ),
    Guard("ledger_tip", "DELETE", "1=1", "the tip cannot be deleted"),
    Guard(
        "ledger_tip",
        "UPDATE",
        "NEW.version <> OLD.version + 1",
        "the tip changes one version at a time",
    ),
)


def _name(guard: Guard) -> str:
    return f"{guard.table}_refuses_{guard.operation.lower()}"


def names() -> set[str]:
    """The names of all triggers that must be in place."""
    return {_name(guard) for guard in GUARDS}


def installed(connection: BaseDatabaseWrapper) -> set[str]:
    """The names of those that are."""
    query = (
        "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        if connection.vendor == "sqlite"
        else "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {name for (name,) in cursor.fetchall()} & names()


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every trigger in place, and the present version of it."""
    if connection.vendor == "sqlite":
        _install_in_sqlite(connection)
        return
    with connection.cursor() as cursor:
        for guard in GUARDS:
            for statement in _create(connection.vendor, guard):
                cursor.execute(statement)
        for table in sorted({guard.table for guard in GUARDS}):
            cursor.execute(
                f"CREATE OR REPLACE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table}"
                f" EXECUTE FUNCTION {table}_refuses_delete_function()"
            )


def _install_in_sqlite(connection: BaseDatabaseWrapper) -> None:
    """Only what is missing or another version: a start that changes nothing writes nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        present = dict(cursor.fetchall())
        wanted = {_name(guard): _create("sqlite", guard)[0] for guard in GUARDS}
        changed = {name: sql for name, sql in wanted.items() if present.get(name) != sql}
        if not changed:
            return
        with transaction.atomic(using=connection.alias):
            for name, statement in changed.items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take every trigger away."""
    with connection.cursor() as cursor:
        for guard in GUARDS:
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {_name(guard)}")
            else:
                # Dropping the function takes the triggers that call it along.
                cursor.execute(f"DROP FUNCTION IF EXISTS {_name(guard)}_function() CASCADE")


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """One transaction without the triggers, for repairs."""
    with transaction.atomic(using=connection.alias):
        remove(connection)
        yield
        install(connection)


def _create(vendor: str, guard: Guard) -> list[str]:
    name = _name(guard)
    before = f"BEFORE {guard.operation} ON {guard.table} FOR EACH ROW"
    why = guard.why.replace("'", "''")
    if vendor == "sqlite":
        when = guard.when.replace("IS DISTINCT FROM", "IS NOT")
        return [
            f"CREATE TRIGGER {name} {before} WHEN {when} BEGIN SELECT RAISE(ABORT, '{why}'); END"
        ]
    return [
        f"CREATE OR REPLACE FUNCTION {name}_function() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN RAISE integrity_constraint_violation USING MESSAGE = '{why}'; END $$",
        f"CREATE OR REPLACE TRIGGER {name} {before} WHEN ({guard.when})"
        f" EXECUTE FUNCTION {name}_function()",
    ]
