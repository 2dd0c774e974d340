"""History cannot be rewritten on PostgreSQL either: QuerySets, raw SQL, TRUNCATE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection

from ledger import triggers
from ledger.models import Tip
from tests.models.test_history_is_append_only import (
    KEPT,
    TestTotals,
    eventful,
    history,
    refused,
    sql,
    test_an_inclusion_names_its_transaction_once,
    test_events_are_numbered_without_a_gap,
    test_no_column_of_history_can_be_changed,
    test_nothing_of_history_can_be_deleted,
    test_what_a_block_includes_cannot_be_changed,
    test_what_cannot_be_is_refused,
    test_what_was_acknowledged_cannot_be_changed,
)

__all__ = [
    "TestTotals",
    "eventful",
    "history",
    "test_an_inclusion_names_its_transaction_once",
    "test_events_are_numbered_without_a_gap",
    "test_no_column_of_history_can_be_changed",
    "test_nothing_of_history_can_be_deleted",
    "test_what_a_block_includes_cannot_be_changed",
    "test_what_cannot_be_is_refused",
    "test_what_was_acknowledged_cannot_be_changed",
]


def test_no_table_of_history_is_truncated(history: None) -> None:
    for model in (*KEPT, Tip):
        with refused(match="cannot|neither"):
            sql(f"TRUNCATE {model._meta.db_table} CASCADE")


@pytest.mark.usefixtures("history")
def test_a_trigger_that_is_disabled_or_another_version_is_put_in_place() -> None:
    guards = triggers.names()
    assert triggers.installed(connection) == guards
    sql("ALTER TABLE ledger_block DISABLE TRIGGER ledger_block_refuses_delete")
    sql("ALTER TABLE ledger_tip DISABLE TRIGGER USER")
    sql("COMMENT ON TRIGGER ledger_event_refuses_update ON ledger_event IS 'older'")
    sql("DROP TRIGGER ledger_block_refuses_truncate ON ledger_block")
    assert len(guards - triggers.installed(connection)) == 3
    triggers.install(connection)
    assert triggers.installed(connection) == guards
    with pytest.raises(DatabaseError, match="neither"):
        sql("TRUNCATE ledger_block CASCADE")


@pytest.mark.usefixtures("history")
def test_to_put_in_place_what_is_there_waits_for_nobody() -> None:
    with connection.execute_wrapper(_reading_only):
        triggers.install(connection)


def _reading_only(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
    assert sql.strip().startswith("SELECT"), sql
    return execute(sql, *rest)
