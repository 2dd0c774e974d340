"""A node moves from SQLite to PostgreSQL and back: all of it, verified, into an empty database."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connections
from pytest_django.plugin import DjangoDbBlocker

from ledger.models import Event, Peer, Tip, Transaction
from ledger.node import chain_text, lifecycle, operator, tokens
from ledger.node.conf import NodeConf
from ledger.node.errors import Damaged, NodeError, NotAccepted
from tests import databases
from tests.conftest import make_migrated
from tests.models.test_history_is_append_only import eventful as eventful_on_server
from tests.node.damage import ACTIVE, damage
from tests.pages.forked import seal, submit
from tests.processes import manage_py

__all__ = ["eventful_on_server"]

EVERY = [*apps.get_models(include_auto_created=True)]


@contextmanager
def in_files() -> Iterator[None]:
    """Databases are files meanwhile."""
    server = os.environ.pop(databases.SERVER)
    os.environ.pop("DATABASE_URL", None)
    try:
        yield
    finally:
        os.environ[databases.SERVER] = server


def everything() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    return {
        model._meta.db_table: list(model._base_manager.order_by("pk").values_list())
        for model in EVERY
    }


def chain() -> str:
    return hashlib.sha256(b"".join(chain_text.body())).hexdigest()


@pytest.fixture(scope="module")
def nothing(
    on_server: None, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Path:
    """A migrated file without a node in it."""
    with in_files(), django_db_blocker.unblock():
        path = make_migrated(tmp_path_factory.mktemp("file") / "nothing.sqlite3")
        connections.close_all()
    return path


@pytest.fixture
def emptied(migrated: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """An empty database on the server, which is in use."""
    path = databases.copy(migrated, tmp_path / "empty.sqlite3")
    with django_db_blocker.unblock():
        databases.use(path)
        yield path
        connections.close_all()
    databases.remove(path)


@pytest.fixture
def eventful(
    eventful_on_server: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[Path]:
    """A node on the server to which everything has happened: side branches, reorganisations,
    refusals, evidence, peers, accounts, tokens."""
    path = databases.copy(eventful_on_server, tmp_path / "eventful.sqlite3")
    with django_db_blocker.unblock():
        databases.use(path)
        operator_account = User.objects.create_superuser("operator", password="a long password")
        operator_account.user_permissions.set(Permission.objects.order_by("-pk")[:3])
        yield path
        connections.close_all()
    databases.remove(path)


def test_there_and_back_every_row_of_every_table_is_the_same(
    eventful: Path, emptied: Path, tmp_path: Path, conf: NodeConf
) -> None:
    databases.use(eventful)
    with lifecycle.running(conf) as node:
        tokens.create("a program")
        node.writer.run(
            lambda: Peer.objects.create(
                address="10.0.0.1:1", registered_at="2026-01-01T00:00:00Z", note="밥 🚀"
            )
        )
        backup = operator.backup(tmp_path / "node.sqlite3")
    before, text = everything(), chain()
    assert backup.verified.sound
    assert all(before[f"ledger_{name}"] for name in ("reorganisation", "inclusion", "accesstoken"))
    with in_files():
        databases.use(backup.path)
        assert (everything(), chain()) == (before, text)
        connections.close_all()
    databases.use(emptied)
    done = operator.restore(backup.path)
    assert done.verified.blocks == Tip.objects.get().index
    assert (everything(), chain()) == (before, text)
    assert lifecycle.verify().faults == []
    with lifecycle.running(conf) as node:  # and goes on, with numbers above those there are
        submit(node, "after", "the move", 1)
        seal(node)
        assert Transaction.objects.order_by("-pk")[0].sender == "after"
        assert Event.objects.count() > len(before["ledger_event"])
        assert lifecycle.verify().faults == []
        assert ContentType.objects.create(app_label="later", model="one").pk


def test_a_node_with_something_in_it_is_not_written_over(
    node: lifecycle.Node, tmp_path: Path
) -> None:
    seal(node, 2)
    backup = operator.backup(tmp_path / "node.sqlite3").path
    lifecycle.stop()
    before = everything()
    with pytest.raises(NotAccepted, match="restored into an empty one"):
        operator.restore(backup)
    assert everything() == before


def test_what_is_no_sound_node_leaves_the_database_empty(
    node: lifecycle.Node, emptied: Path, nothing: Path, tmp_path: Path
) -> None:
    databases.use(tmp_path / "chain.sqlite3")  # the node's
    seal(node, 2)
    damaged = backup_of_a_damaged(tmp_path)
    lifecycle.stop()
    databases.use(emptied)
    for wrong, why in ((nothing, "no identity"), (damaged, "block 2"), (Path(__file__), "not")):
        with pytest.raises((Damaged, NodeError), match=why):
            operator.restore(wrong)
        assert not Tip.objects.exists()
        assert not Transaction.objects.exists()


def backup_of_a_damaged(folder: Path) -> Path:
    """A file in which block 2 says something else than was hashed."""
    path = operator.backup(folder / "damaged.sqlite3").path
    with in_files():
        databases.use(path)
        damage(
            "UPDATE ledger_block SET canonical = replace(canonical, '\"proof\": ', '\"proof\": 1')"
            f" WHERE {ACTIVE.format(2)}"
        )
        connections.close_all()
    return path


def test_a_backup_of_a_running_node_is_of_one_moment(node: lifecycle.Node, tmp_path: Path) -> None:
    for number in range(5):
        submit(node, "before", "bob", number)
    during = []

    def write_meanwhile(done: int, total: int) -> None:
        during.append(submit(node, "meanwhile", "bob", done))

    path = operator.backup(tmp_path / "copy.sqlite3", progress=write_meanwhile).path
    assert len(during) > 10, "nothing was written while it was copied"
    with in_files():
        senders = databases.rows(path, "SELECT DISTINCT sender FROM ledger_transaction")
    assert senders == [("before",)]


@pytest.mark.usefixtures("unblocked")
def test_the_commands_move_a_node(
    node_process: Callable[..., Any], nothing: Path, tmp_path: Path
) -> None:
    """As docs/postgresql.md has it, from the node's own file."""
    with in_files():
        old = tmp_path / "old" / "chain.sqlite3"
        old.parent.mkdir()
        databases.copy(nothing, old)
        plain = {"CHAINSITE_DATA": str(old.parent), "CHAINSITE_DIFFICULTY": "2"}
        assert manage_py("mine", "2", **plain).returncode == 0
        exported = manage_py("exportchain", "-", **plain).stdout
    data = tmp_path / "new"
    data.mkdir()
    moved = manage_py("restore", str(old), CHAINSITE_DATA=str(data))
    assert moved.returncode == 0, moved.stdout
    assert "was verified and restored: 3 blocks" in moved.stdout
    databases.use(data / "chain.sqlite3")
    assert b"".join(chain_text.body()).decode() == exported.strip()
    connections.close_all()
    back = manage_py("backup", str(tmp_path / "back.sqlite3"), CHAINSITE_DATA=str(data))
    assert "holds 3 blocks and was verified" in back.stdout
    node = node_process(data=data)
    assert node.get("/chain").text == exported.strip()
