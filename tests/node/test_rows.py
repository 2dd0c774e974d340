"""Rows that come often are inserted with few statements, and as Django would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from ledger.models import Event
from ledger.node.rows import insert


def _events(count: int) -> list[Event]:
    now = timezone.now()
    return [
        Event(kind="refusal", payload=f'{{"n": {n}, "한": "%s"}}', at=now) for n in range(count)
    ]


def test_they_are_stored_in_order_as_django_stores_them(ledger_db: Path) -> None:
    rows = _events(1000)
    insert(rows)
    Event.objects.bulk_create(rows)

    stored = list(Event.objects.order_by("pk").values_list("kind", "payload", "at"))
    assert len(stored) == 2000
    assert stored[:1000] == stored[1000:] == [(row.kind, row.payload, row.at) for row in rows]


def test_as_many_go_in_one_statement_as_the_database_takes(ledger_db: Path) -> None:
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        assert len(params) <= connection.features.max_query_params
        return execute(sql, params, many, context)

    most = connection.features.max_query_params // 3
    with connection.execute_wrapper(note):
        insert(_events(most))
        assert len(statements) == 1
        insert(_events(most + 1))
        assert len(statements) == 3
        insert([])
        assert len(statements) == 3
