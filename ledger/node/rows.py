"""Inserting rows that come a few at a time and often: `bulk_create` without what it does for all.

Django makes an object of each row, prepares every value of it and puts the same statement together
anew each time; any of these costs more than to run the statement. Here the statement is kept, what
rows have in common is prepared once, and the database gets as many rows with one statement as it
takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model, UUIDField


def insert(
    model: type[Model], names: tuple[str, ...], rows: Sequence[Sequence[Any]], **common: Any
) -> None:
    """Insert rows of a model, in order. What they are numbered as is not told.

    Of each row these are the values of the fields in `names`: texts, integers, UUIDs or None.
    `common` are those of the other fields, the same for all, of any kind.
    """
    if not rows:
        return
    shared = [
        field.get_db_prep_save(common[field.attname], connection)
        for field in _fields(model, tuple(common))
    ]
    uids = [at for at, field in enumerate(_fields(model, names)) if isinstance(field, UUIDField)]
    most = (connection.features.max_query_params or 10_000) // (len(names) + len(shared))
    for start in range(0, len(rows), most):
        some = rows[start : start + most]
        with connection.cursor() as cursor:
            cursor.execute(
                _statement(model, (*names, *common), len(some), connection.vendor),
                [value for row in _prepared(some, uids) for value in (*row, *shared)],
            )


def _prepared(rows: Sequence[Sequence[Any]], uids: Sequence[int]) -> Iterator[Sequence[Any]]:
    """The values as the database takes them: of these kinds it is only UUIDs that some do not."""
    if not uids or connection.features.has_native_uuid_field:
        yield from rows
        return
    for row in rows:
        values = list(row)
        for at in uids:
            values[at] = row[at].hex
        yield values


@cache
def _fields(model: type[Model], names: tuple[str, ...]) -> tuple[Field[Any, Any], ...]:
    found = (model._meta.get_field(name) for name in names)
    return tuple(field for field in found if isinstance(field, Field))


@cache
def _statement(model: type[Model], names: tuple[str, ...], rows: int, _vendor: str) -> str:
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column or "") for field in _fields(model, names))
    marks = ", ".join(["(" + ", ".join(["%s"] * len(names)) + ")"] * rows)
    return f"INSERT INTO {quote(model._meta.db_table)} ({columns}) VALUES {marks}"  # noqa: S608 - names come from the models
