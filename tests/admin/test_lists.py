"""Lists of rows cost the same however many there are, and every row can be found."""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection, models
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from ledger.admin import lists
from ledger.models import Address, Block, Event, Inclusion, Transaction
from ledger.node import lifecycle
from tests.pages.conftest import Browser

from .test_reading_only import TABLES

MONTHS = 12
ROWS = 130  # more than two pages


@pytest.fixture
def many(lived: lifecycle.Node) -> list[str]:
    """Transactions of a year to come, the ids in order of arrival; one of the first was refused."""
    start = datetime(2031, 1, 1, tzinfo=UTC)
    made = [
        Transaction(
            uid=uuid.UUID(int=n),
            sender="hub" if n % 2 else "rare",
            recipient="somebody",
            amount=n,
            size=60,
            promised_index=2,
            state="refused" if n == 5 else "confirmed",
            reason="no" if n == 5 else "",
            submitted_at=start + timedelta(days=365) / ROWS * n,
            entered=1000 + n,
            floor=1,
        )
        for n in range(ROWS)
    ]

    def replace_all() -> None:  # `lived` left some that came later
        Transaction.objects.bulk_create(made)

    lived.writer.run(replace_all)
    return [str(row.uid) for row in Transaction.objects.order_by("pk")]


def uids(page: Any) -> list[str]:
    """The ids a list shows, from above."""
    return re.findall(r'<th class="field-shown_uid.*?title="([^"]+)"', page.text, re.S)


def lead(page: Any, where: str) -> str | None:
    found = re.search(rf'<a href="([^"]+)" rel="{where}">', page.text)
    return html.unescape(found[1]) if found else None


PATH = "/admin/ledger/transaction/"


def test_pages_lead_through_all_rows_and_back(operator: Browser, many: list[str]) -> None:
    page = operator.get(PATH)
    seen, pages = uids(page), [uids(page)]
    assert lead(page, "prev") is None
    while older := lead(page, "next"):
        page = operator.get(PATH + older)
        pages.append(uids(page))
        seen += uids(page)
    assert seen == many[::-1]
    assert len(pages) == -(-len(many) // 50)
    for before in pages[-2::-1]:
        newer = lead(page, "prev")
        assert newer
        page = operator.get(PATH + newer)
        assert uids(page)[-1] == before[-1]
    assert lead(page, "prev") is None


def test_a_rare_row_is_looked_for_in_windows(
    operator: Browser, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "WINDOW", 60)
    page = operator.get(f"{PATH}?state=refused")
    assert uids(page) == []
    assert "look further back" in page.text
    steps = 0
    while uids(page) == []:
        older = lead(page, "next")
        assert older
        page, steps = operator.get(PATH + older), steps + 1
    assert uids(page) == [str(uuid.UUID(int=5))]
    assert steps == 2
    back = lead(page, "prev")
    assert back
    assert uids(operator.get(PATH + back)) == []


def test_search_finds_by_id_name_index_and_hash(operator: Browser, many: list[str]) -> None:
    def found(table: str, query: str) -> int:
        page = operator.get(f"/admin/ledger/{table}/?q={query}")
        assert page.status_code == 200
        return len(re.findall(r"<tr><th", page.text))

    block = Block.objects.filter(active__isnull=False).order_by("index")[1]
    assert uids(operator.get(f"{PATH}?q={many[3]}")) == [many[3]]
    assert set(uids(operator.get(f"{PATH}?q=rare"))) <= set(many)
    assert found("transaction", "carol") == 1
    assert found("transaction", "nobody") == 0
    assert found("block", block.hash) == 1
    assert found("block", block.hash[:6].upper()) == 1
    assert found("block", str(block.index)) == Block.objects.filter(index=block.index).count()
    assert found("block", "%00") == Block.objects.count()
    assert found("activeblock", str(block.index)) == 1
    assert found("inclusion", block.hash[:10]) == block.transaction_count
    assert found("inclusion", "carol") == Inclusion.objects.filter(recipient__name="carol").count()
    assert found("address", "car") == 1
    assert found("event", "1") == 1


def test_dates_go_down_to_a_day(operator: Browser, many: list[str]) -> None:
    year = operator.get(f"{PATH}?submitted_at__year=2031")
    assert f"{PATH}?submitted_at__month=12" not in year.text
    for month in (1, 6, 12):
        page = operator.get(f"{PATH}?submitted_at__year=2031&submitted_at__month={month}")
        rows = Transaction.objects.filter(submitted_at__year=2031, submitted_at__month=month)
        assert uids(page) == [str(row.uid) for row in rows.order_by("-pk")]
        assert uids(page)
    day = rows.order_by("pk")[0].submitted_at
    where = f"submitted_at__year=2031&submitted_at__month=12&submitted_at__day={day.day}"
    assert str(rows.order_by("pk")[0].uid) in uids(operator.get(f"{PATH}?{where}"))
    for nonsense in ("year=2031&submitted_at__month=13", "year=9999", "year=0", "year=x"):
        page = operator.get(f"{PATH}?submitted_at__{nonsense}")
        assert page.status_code in (200, 302), nonsense


@pytest.mark.parametrize(
    "query", ["?p=below-x", "?p=7", "?o=1", "?o=-3.2", "?all=", "?state=nonsense", "?_facets=True"]
)
def test_what_the_address_bar_may_hold_does_no_harm(
    operator: Browser, many: list[str], query: str
) -> None:
    assert uids(operator.get(PATH + query)) == many[::-1][:50]


@pytest.fixture
def asked(lived: lifecycle.Node) -> Callable[[type[models.Model], str], list[str]]:
    """The statements that a list takes, its template included."""
    user = User(username="operator", is_staff=True, is_superuser=True)
    user.save()

    def ask(model: type[models.Model], query: str = "") -> list[str]:
        request = RequestFactory().get(f"/{query}")
        request.user = user
        with CaptureQueriesContext(connection) as captured:
            response = admin.site._registry[model].changelist_view(request)
            response.render()
        assert response.status_code == 200
        return [statement["sql"] for statement in captured.captured_queries]

    return ask


def plan(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + statement.replace("%", "%%"))
        return [row[3] for row in cursor.fetchall()]


QUERIES = {
    Transaction: ["?state=refused", f"?q={uuid.UUID(int=1)}", "?q=bob", "?p=below-3"],
    Block: ["?place=stale", "?q=00ab", "?q=2", "?received_at__year=2026", "?p=above-1"],
    Inclusion: ["?q=bob", "?q=00ab", "?kind=irregular", "?block__id__exact=2"],
    Address: ["?q=a"],
    Event: ["?kind=block", "?q=1"],
}


@pytest.mark.sqlite("its plans are read")
@pytest.mark.parametrize("model", TABLES, ids=lambda model: model.__name__)
def test_no_list_counts_jumps_or_scans(asked: Any, model: type[models.Model]) -> None:
    """Of a scan a plan says SCAN; the first or last row by its key is one step of such a scan."""
    for query in ["", *QUERIES.get(model, [])]:
        statements = asked(model, query)
        assert len(statements) <= 8 + 2 * 20 * ("year" in query), query
        for statement in statements:
            assert "COUNT(" not in statement and "OFFSET" not in statement, statement
            if "LIMIT 1" in statement and statement[-7:] == "LIMIT 1":
                assert "TEMP B-TREE" not in " ".join(plan(statement)), statement
                continue
            scans = [step for step in plan(statement) if step.startswith("SCAN")]
            assert not [step for step in scans if "ledger_" in step], (query, statement, scans)


def test_the_number_of_statements_does_not_grow(asked: Any, many: list[str]) -> None:
    assert len(asked(Transaction)) == len(asked(Transaction, "?p=below-5"))
    few = len(asked(Inclusion))
    assert few <= 8
