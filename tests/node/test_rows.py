"""Rows that come often are inserted with few statements, and as Django would."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from ledger.models import Event, Transaction
from ledger.node.rows import insert

NOW = timezone.now()


def _payloads(count: int) -> list[tuple[str]]:
    return [(f'{{"n": {n}, "한": "%s"}}',) for n in range(count)]


def test_they_are_stored_in_order_as_django_stores_them(ledger_db: Path) -> None:
    payloads = _payloads(1000)
    insert(Event, ("payload",), payloads, kind="refusal", at=NOW)
    Event.objects.bulk_create(Event(kind="refusal", payload=text, at=NOW) for (text,) in payloads)

    stored = list(Event.objects.order_by("pk").values_list("kind", "payload", "at"))
    assert len(stored) == 2000
    assert stored[:1000] == stored[1000:] == [("refusal", text, NOW) for (text,) in payloads]


def test_every_kind_of_value_is_stored_as_django_stores_it(ledger_db: Path) -> None:
    common: dict[str, Any] = {
        **{"sender": "a", "recipient": "밥", "size": 50, "state": "pending", "reason": ""},
        **{"promised_index": 2, "relayed_by": "", "floor": 1, "submitted_at": NOW},
    }
    one, other = (uuid.uuid4(), 2**63 - 1, None, 1), (uuid.uuid4(), 0, "key", 2)
    names = ("uid", "amount", "idempotency_key", "entered")
    insert(Transaction, names, [one], **common)
    Transaction(**common, **dict(zip(names, other, strict=True))).save()

    columns = [field.attname for field in Transaction._meta.concrete_fields if field.name != "id"]
    stored = list(Transaction.objects.order_by("pk").values(*columns))
    assert stored == [common | dict(zip(names, row, strict=True)) for row in (one, other)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ledger_transaction ORDER BY id")
        kinds = [[type(value) for value in row] for row in cursor.fetchall()]
    assert [kind for kind in kinds[0] if kind is not type(None)] == [
        kind for at, kind in enumerate(kinds[1]) if kinds[0][at] is not type(None)
    ]


def test_as_many_go_in_one_statement_as_the_database_takes(ledger_db: Path) -> None:
    statements: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        assert len(params) <= limit
        return execute(sql, params, many, context)

    def insert_events(count: int) -> None:
        insert(Event, ("payload",), _payloads(count), kind="refusal", at=NOW)

    limit = connection.features.max_query_params or 10_000  # PostgreSQL takes any number
    most = limit // 3
    with connection.execute_wrapper(note):
        insert_events(most)
        assert len(statements) == 1
        insert_events(most + 1)
        assert len(statements) == 3
        insert_events(0)
        assert len(statements) == 3
