"""`migrate` makes all that is to be made, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from ledger import models, triggers
from tests import databases
from tests.conftest import use_database


@pytest.fixture
def nothing_yet(tmp_path: Path, django_db_blocker: DjangoDbBlocker):
    with django_db_blocker.unblock():
        databases.make(tmp_path / "new.sqlite3")
        use_database(tmp_path / "new.sqlite3")
        yield
        connection.close()


def test_one_that_fails_leaves_none_of_those_before_it(nothing_yet, monkeypatch):
    record, noted = MigrationRecorder.record_applied, []

    def fail_at_the_tenth(self, app, name):
        noted.append((app, name))
        if len(noted) == 10:
            raise RuntimeError("the disk is gone")
        record(self, app, name)

    monkeypatch.setattr(MigrationRecorder, "record_applied", fail_at_the_tenth)
    with pytest.raises(RuntimeError, match="the disk is gone"):
        call_command("migrate", verbosity=0)
    assert connection.introspection.table_names() == []

    monkeypatch.undo()
    call_command("migrate", verbosity=0)
    assert set(noted) < set(MigrationRecorder(connection).applied_migrations())


@pytest.mark.sqlite("they are never off on a server")
def test_foreign_keys_are_in_force_again_afterwards(nothing_yet):
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA foreign_keys").fetchone() == (1,)


@pytest.mark.long
def test_a_database_of_an_older_version_keeps_what_is_in_it(nothing_yet):
    call_command("migrate", "ledger", "0001", verbosity=0)
    older = MigrationExecutor(connection).loader.project_state(("ledger", "0001_initial")).apps
    older.get_model("ledger", "Peer").objects.create(
        address="10.0.0.9:5000", registered_at=timezone.now()
    )
    call_command("migrate", verbosity=0)
    assert [peer.address for peer in models.Peer.objects.all()] == ["10.0.0.9:5000"]
    assert triggers.installed(connection) == triggers.names()


@pytest.mark.long
def test_tables_of_an_older_version_have_the_triggers_that_know_their_columns(nothing_yet):
    call_command("migrate", verbosity=0)
    call_command("migrate", "ledger", "0001", verbosity=0)
    later = {"ledger_transaction_refuses_update"}  # it names columns of 0007
    assert triggers.installed(connection) == triggers.names() - later
