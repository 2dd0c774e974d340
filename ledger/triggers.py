"""The triggers that make history append-only, for SQLite and PostgreSQL.

Django's permissions and this project's own code are not enough: a shell, a script or a mistake
could still say UPDATE. So the database itself refuses. They are put in place after every
`migrate` (on SQLite, a migration that remakes a table loses its triggers). Repairs alone take the
triggers off, inside one transaction, and put them back before it commits.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
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

    def named(self) -> list[str]:
        """The columns in `when`."""
        return re.findall(r'\b(?:OLD|NEW)\."?(\w+)', self.when)


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


# Those that fire; on PostgreSQL one can be there and be disabled. `version` is what `install` left.
_PRESENT: Final = {
    "sqlite": "SELECT name, sql AS version FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": """
        SELECT t.tgname, obj_description(t.oid, 'pg_trigger')
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND pg_table_is_visible(c.oid)
    """,
}


def installed(connection: BaseDatabaseWrapper) -> set[str]:
    """The names of those that are."""
    return _present(connection).keys() & names()


def _present(connection: BaseDatabaseWrapper) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT[connection.vendor])
        return dict(cursor.fetchall())


def are_in_place(connection: BaseDatabaseWrapper) -> bool:
    """Whether all of them are there, in their present version."""
    return not _not_present(_wanted(connection, GUARDS), _present(connection))


def install(connection: BaseDatabaseWrapper) -> None:
    """Put every trigger in place, and the present version of it. Only what is missing or another
    version: a start that changes nothing writes nothing, and waits for nobody's lock. Tables of an
    older version get those that name none but their columns."""
    present = _present(connection)
    if not _not_present(_wanted(connection, GUARDS), present):
        return
    changed = _not_present(_wanted(connection, _fitting(connection)), present)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for one in changed:
            for statement in one.statements:
                cursor.execute(statement)


def _not_present(wanted: Iterable[_Trigger], present: dict[str, str]) -> list[_Trigger]:
    return [one for one in wanted if present.get(one.name) != one.version]


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take every trigger away."""
    with connection.cursor() as cursor:
        for guard in GUARDS:
            if connection.vendor == "sqlite":
                cursor.execute(f"DROP TRIGGER IF EXISTS {_name(guard)}")
            else:
                # Dropping the function takes the triggers that call it along.
                cursor.execute(f"DROP FUNCTION IF EXISTS {_name(guard)}_function() CASCADE")


def _fitting(connection: BaseDatabaseWrapper) -> list[Guard]:
    """Those whose table is there, with every column they name."""
    columns: dict[str, set[str]] = {}
    inspect = connection.introspection
    with connection.cursor() as cursor:
        for table in {guard.table for guard in GUARDS} & set(inspect.table_names(cursor)):
            described = inspect.get_table_description(cursor, table)
            columns[table] = {column.name for column in described}
    return [
        guard
        for guard in GUARDS
        if guard.table in columns and columns[guard.table].issuperset(guard.named())
    ]


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """One transaction without the triggers, for repairs."""
    with transaction.atomic(using=connection.alias):
        remove(connection)
        yield
        install(connection)


class _Trigger(NamedTuple):
    """How it is put in place, and what tells its version afterwards."""

    name: str
    version: str
    statements: tuple[str, ...]


def _wanted(connection: BaseDatabaseWrapper, guards: Iterable[Guard]) -> Iterator[_Trigger]:
    return _in_sqlite(guards) if connection.vendor == "sqlite" else _in_postgresql(guards)


def _in_sqlite(guards: Iterable[Guard]) -> Iterator[_Trigger]:
    for guard in guards:
        name, when = _name(guard), guard.when.replace("IS DISTINCT FROM", "IS NOT")
        sql = f"CREATE TRIGGER {name} {_before(guard)} WHEN {when}"
        sql += f" BEGIN SELECT RAISE(ABORT, '{_quoted(guard.why)}'); END"
        yield _Trigger(name, sql, (f"DROP TRIGGER IF EXISTS {name}", sql))


def _in_postgresql(guards: Iterable[Guard]) -> Iterator[_Trigger]:
    guards = list(guards)
    for guard in guards:
        name = _name(guard)
        message = f"RAISE integrity_constraint_violation USING MESSAGE = '{_quoted(guard.why)}'"
        function = (
            f"CREATE OR REPLACE FUNCTION {name}_function() RETURNS trigger LANGUAGE plpgsql AS $$"
            f" BEGIN {message}; END $$"
        )
        when = f"{_before(guard)} WHEN ({guard.when})"
        yield _on_server(name, guard.table, when, f"{name}_function", function)
    for table in sorted({guard.table for guard in guards}):
        # Dropped with the function of the other, which it calls.
        when, function = f"BEFORE TRUNCATE ON {table}", f"{table}_refuses_delete_function"
        yield _on_server(f"{table}_refuses_truncate", table, when, function)


def _on_server(name: str, table: str, when: str, function: str, *before: str) -> _Trigger:
    trigger = f"CREATE OR REPLACE TRIGGER {name} {when} EXECUTE FUNCTION {function}()"
    version = hashlib.sha256("".join((*before, trigger)).encode()).hexdigest()[:16]
    comment = f"COMMENT ON TRIGGER {name} ON {table} IS '{version}'"
    return _Trigger(name, version, (*before, trigger, comment))


def _before(guard: Guard) -> str:
    return f"BEFORE {guard.operation} ON {guard.table} FOR EACH ROW"


def _quoted(text: str) -> str:
    return text.replace("'", "''")
