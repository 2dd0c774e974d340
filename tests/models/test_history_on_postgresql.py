"""PostgreSQL refuses to rewrite history as SQLite does: QuerySets, raw SQL, TRUNCATE."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connections, models, transaction
from pytest_django.plugin import DjangoDbBlocker

from ledger import triggers
from ledger.models import Inclusion, Tip, Transaction
from tests.conftest import use_database

from . import postgresql
from .test_history_is_append_only import FROZEN, KEPT, another, columns, eventful

__all__ = ["eventful"]  # the fixture

ALIAS = "postgresql"


@pytest.fixture(scope="module")
def history(
    eventful: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """The same eventful history, on a server."""
    path = tmp_path_factory.mktemp("postgresql") / "chain.sqlite3"
    shutil.copy(eventful, path)
    with postgresql.server() as place, django_db_blocker.unblock():
        use_database(path)
        engine = {"ENGINE": "django.db.backends.postgresql", "OPTIONS": {}}
        connections.settings[ALIAS] = {**connections.settings["default"], **engine, **place}
        call_command("migrate", database=ALIAS, verbosity=0)
        for model in apps.get_app_config("ledger").get_models():
            model._base_manager.using(ALIAS).bulk_create(model._base_manager.order_by("pk"))
        yield
        connections.close_all()
        del connections[ALIAS], connections.settings[ALIAS]


def rows(model: type[models.Model]) -> list[tuple[Any, ...]]:
    return list(model._base_manager.using(ALIAS).order_by("pk").values_list())


def execute(statement: str) -> None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement)


def refused(model: type[models.Model], attempt: Any) -> None:
    before = rows(model)
    assert before, "there is something to lose"
    with (
        pytest.raises(DatabaseError, match=r"cannot|neither|one version"),
        transaction.atomic(using=ALIAS),
    ):
        attempt()
    assert rows(model) == before


@pytest.mark.usefixtures("history")
def test_every_trigger_is_in_place() -> None:
    assert triggers.installed(connections[ALIAS]) == triggers.names()


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("model", KEPT)
def test_nothing_is_deleted(model: type[models.Model]) -> None:
    refused(model, lambda: model._base_manager.using(ALIAS).all()._raw_delete(ALIAS))
    refused(model, lambda: execute(f"DELETE FROM {model._meta.db_table}"))
    refused(model, lambda: execute(f"TRUNCATE {model._meta.db_table} CASCADE"))


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("model", FROZEN)
def test_no_column_is_changed(model: type[models.Model]) -> None:
    manager = model._base_manager.using(ALIAS)
    row = manager.order_by("pk").first()
    assert row is not None
    for name in columns(model):
        value, field = another(row, name), model._meta.get_field(name)
        if isinstance(field, models.CharField):
            value = value[-field.max_length :]  # SQLite does not mind a longer one
        refused(model, lambda name=name, value=value: manager.update(**{name: value}))
        column = field.column
        refused(
            model,
            lambda column=column: execute(
                f'UPDATE {model._meta.db_table} SET "{column}" = "{column}"'
            ),
        )


@pytest.mark.usefixtures("history")
def test_what_was_acknowledged_is_not_changed_and_the_tip_takes_one_step() -> None:
    refused(Transaction, lambda: Transaction.objects.using(ALIAS).update(amount=9))
    refused(Inclusion, lambda: Inclusion.objects.using(ALIAS).update(amount=9))
    refused(Tip, lambda: Tip.objects.using(ALIAS).update(version=99))
