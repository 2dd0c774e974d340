"""Rows in the order of their arrival: which of them came in a span of time, and when they began.

Primary keys only ascend and nothing is deleted, so a time is found by halving, through the primary
key alone: no index on times, and no scan, however many rows there are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet


def ends(rows: QuerySet[Any]) -> tuple[int, int] | None:
    """The lowest and the highest primary key; None where there is no row."""
    lowest = rows.order_by("pk").values_list("pk", flat=True).first()
    highest = rows.order_by("-pk").values_list("pk", flat=True).first()
    return None if lowest is None or highest is None else (lowest, highest)


def first_since(model: type[Model], field: str, moment: datetime) -> int:
    """The primary key of the first row that came at a moment or after it; if there is none, the
    key after the last one. A clock that was set back makes it a near one."""
    rows: QuerySet[Any] = model._default_manager.all()
    found = ends(rows)
    if found is None:
        return 1
    lowest, highest = found[0], found[1] + 1
    while lowest < highest:
        middle = (lowest + highest) // 2
        row = rows.filter(pk__gte=middle).order_by("pk").values_list("pk", field).first()
        if row is None or row[1] >= moment:
            highest = middle
        else:
            lowest = row[0] + 1
    return highest


def span(model: type[Model], field: str) -> tuple[datetime, datetime] | None:
    """When the first row and the last one came; None where there is no row."""
    rows: QuerySet[Any] = model._default_manager.all()
    first = rows.order_by("pk").values_list(field, flat=True).first()
    last = rows.order_by("-pk").values_list(field, flat=True).first()
    return None if first is None or last is None else (min(first, last), max(first, last))
