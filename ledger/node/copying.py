"""A whole node from one database into another, row by row: a file of SQLite's is the form in which
a node travels, whatever it lives on.

Every table of every app goes, with its rows' own numbers: blocks with their side branches, the
active chain, transactions with what was promised, events, peers, marks, accounts, tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management.color import no_style
from django.db import Error, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model
from django.db.utils import load_backend

from ledger import models

from . import turns, verification
from .errors import Damaged, NodeError, NotAccepted
from .reading import one_moment
from .verification import Report
from .verification_process import make_tables

Progress = Callable[[int, int], None]
Row = Sequence[Any]

_FILE: Final = "file"  # as Django calls the other database while a command reads it
_CHUNK: Final = 2000
_LARGE: Final[dict[type[Model], int]] = {models.Block: 32, models.DamagedBlock: 32}
# `migrate` puts rows into these; those of the node that comes have numbers that others refer to.
_MADE: Final = (Permission, ContentType)


def into_file(path: Path, progress: Progress | None) -> None:
    """Copy this node's database, as of one moment, into an empty file. The node may run."""
    make_tables(path)
    conf = connections.configure_settings({"default": _file_settings(path)})["default"]
    target = load_backend(conf["ENGINE"]).DatabaseWrapper(conf, _FILE)
    try:
        target.set_autocommit(False)
        with one_moment(connection, long=True):
            _copy("default", target, progress)
        target.commit()
    finally:
        target.close()


def from_file(path: Path, progress: Progress | None) -> Report:
    """Copy the node in a file, which has the tables of this version, into this database, which has
    them too and no node in it. All of it, sound, or nothing.

    Raises `NotAccepted` where there is a node, and `Damaged` if what came is not sound. Only for a
    process that does nothing else.
    """
    with _registered(path), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "SET LOCAL statement_timeout = 0;SET LOCAL idle_in_transaction_session_timeout = 0"
            )
        turns.take()
        _refuse_unless_empty()
        _copy(_FILE, connection, progress)
        with connection.cursor() as cursor:
            for statement in connection.ops.sequence_reset_sql(no_style(), _models()):
                cursor.execute(statement)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        report = verification.verify_here()
        if not report.sound:
            raise Damaged("what came is not sound:\n" + "\n".join(map(str, report.faults)))
    return report


def _refuse_unless_empty() -> None:
    kept = (model for model in _models() if model._meta.app_label == "ledger" or model is User)
    for model in kept:
        if model._base_manager.exists():
            name = connection.settings_dict["NAME"]
            raise NotAccepted(
                f"there is something in the database {name} already ({model._meta.db_table}):"
                " a node is restored into an empty one; make another with CREATE DATABASE"
            )


def _models() -> list[type[Model]]:
    """Those with a table of their own."""
    every = apps.get_models(include_auto_created=True)
    return [model for model in every if model._meta.managed and not model._meta.proxy]


def _copy(source: str, target: BaseDatabaseWrapper, progress: Progress | None) -> None:
    counts = {model: model._base_manager.using(source).count() for model in _models()}
    total, done = sum(counts.values()), 0
    with target.cursor() as cursor:
        for made in _MADE:
            cursor.execute(f"DELETE FROM {target.ops.quote_name(made._meta.db_table)}")  # noqa: S608
    for model, count in counts.items():
        try:
            _insert(model, _rows(model, source, target), target)
        except Error as error:
            raise NodeError(f"{model._meta.db_table} could not be copied: {error}") from error
        done += count
        if progress:
            progress(done, total)


def _rows(model: type[Model], source: str, target: BaseDatabaseWrapper) -> Iterator[Row]:
    """The rows of a table, with values as the target's driver takes them."""
    fields = model._meta.concrete_fields
    names = [field.attname for field in fields]
    rows = model._base_manager.using(source).order_by("pk").values_list(*names)
    for row in rows.iterator(chunk_size=_LARGE.get(model, _CHUNK)):
        yield [_value(field, one, target) for field, one in zip(fields, row, strict=True)]


def _value(field: Field[Any, Any], value: Any, target: BaseDatabaseWrapper) -> Any:
    if isinstance(value, str) and "\0" in value and target.vendor == "postgresql":
        value = value.replace("\0", "\ufffd")  # words of others at most: no block's text has one
    return field.get_db_prep_save(value, target)


def _insert(model: type[Model], rows: Any, target: BaseDatabaseWrapper) -> None:
    quote = target.ops.quote_name
    table = quote(model._meta.db_table)
    columns = ", ".join(quote(field.column or "") for field in model._meta.concrete_fields)
    with target.cursor() as cursor:
        if target.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(model._meta.concrete_fields))
        cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)  # noqa: S608 - names come from the models


def _file_settings(path: Path) -> dict[str, Any]:
    return {**settings.NODE_DATABASE_FILE, "NAME": str(path)}


@contextmanager
def _registered(path: Path) -> Iterator[None]:
    """Let Django's models read a file beside this node's database."""
    conf = connections.configure_settings({"default": {}, _FILE: _file_settings(path)})
    connections.settings[_FILE] = conf[_FILE]
    try:
        yield
    finally:
        connections[_FILE].close()
        del connections[_FILE]
        del connections.settings[_FILE]
