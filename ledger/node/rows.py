"""Inserting rows that come a few at a time and often: `bulk_create` without what it does for all.

Django puts the same statement together anew each time, which costs more than to run it. Here it is
kept, and the database gets as many rows with one statement as it takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def insert(rows: Sequence[Model]) -> None:
    """Insert rows of one model, in order. What they are numbered as is not told."""
    if not rows:
        return
    fields = _fields(type(rows[0]))
    most = (connection.features.max_query_params or 10_000) // len(fields)
    for start in range(0, len(rows), most):
        some = rows[start : start + most]
        values = [
            field.get_db_prep_save(getattr(row, field.attname), connection)
            for row in some
            for field in fields
        ]
        with connection.cursor() as cursor:
            cursor.execute(_statement(type(rows[0]), len(some), connection.vendor), values)


@cache
def _fields(model: type[Model]) -> tuple[Field[Any, Any], ...]:
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


@cache
def _statement(model: type[Model], rows: int, _vendor: str) -> str:
    quote = connection.ops.quote_name
    fields = _fields(model)
    names = ", ".join(quote(field.column or "") for field in fields)
    marks = ", ".join(["(" + ", ".join(["%s"] * len(fields)) + ")"] * rows)
    return f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES {marks}"  # noqa: S608 - names come from the models
