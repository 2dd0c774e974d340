"""The pool is asked for at every turn, and must not cost what the history costs."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from ledger.models import Transaction
from ledger.node import mempool
from ledger.queries import addresses, transactions

pytestmark = pytest.mark.usefixtures("ledger_db")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: list(mempool.pool()),
        mempool.pool_size,
        transactions.pool_page,
        lambda: transactions.pool_page(after=3),
        lambda: addresses.pending("alice"),
        lambda: Transaction.objects.waiting().count(),
    ],
)
def test_what_waits_is_found_by_the_index(ask: Any, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1) as asked:
        ask()
    sql = asked.captured_queries[0]["sql"]
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("EXPLAIN QUERY PLAN " + sql)
            plan = [line[3] for line in cursor.fetchall()]
            assert all("INDEX transaction_pool" in step for step in plan), plan
            return
        cursor.execute("SET enable_seqscan = off")  # it would look through so few rows
        cursor.execute("EXPLAIN " + sql)
        plan = [line for (line,) in cursor.fetchall()]
    assert any("using transaction_pool" in step or "on transaction_pool" in step for step in plan)
