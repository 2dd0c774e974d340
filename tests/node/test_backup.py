"""A backup made under load verifies, and can be put back."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection, connections

from ledger.models import Tip, Transaction
from ledger.node import backup, lifecycle, operator
from ledger.node.conf import NodeConf
from ledger.node.errors import Damaged, NodeError, NotAccepted
from ledger.node.outcomes import Verified
from ledger.node.verification_process import verify_apart
from tests.conftest import use_database
from tests.pages.forked import seal, submit

from .damage import ACTIVE, damage

pytestmark = pytest.mark.sqlite("pages of its file are copied; tests/postgresql copies rows")


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


@pytest.fixture
def verified_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are verified in this process: others show that it is done in a child."""

    def verify_here(*, database: Path, migrate: bool = False) -> Verified:
        present = Path(connection.settings_dict["NAME"])
        use_database(database)
        try:
            report = lifecycle.verify()
        finally:
            use_database(present)
        return Verified(report.blocks, report.stale, 0, 0, 0, 0.0, tuple(report.faults))

    monkeypatch.setattr(backup, "verify_apart", verify_here)


@contextmanager
def under_load(node: lifecycle.Node) -> Iterator[threading.Event]:
    """Transactions come and blocks are sealed all the time."""
    over = threading.Event()

    def work() -> None:
        try:
            while not over.is_set():
                submit(node, "load", "bob", 1)
                seal(node)
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield over
    finally:
        over.set()
        thread.join()


def count_in(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


def test_a_backup_taken_under_load_is_of_one_moment_and_verifies(
    node: lifecycle.Node, conf: NodeConf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_PAGES", 4)  # many steps: there is time to write between them
    seal(node, 3)
    acknowledged = [submit(node, "before", "bob", number) for number in range(5)]
    during = []

    def write_meanwhile(done: int, total: int) -> None:
        during.append(submit(node, "meanwhile", "bob", done))
        if done == total:
            over.set()

    with under_load(node) as over:
        done = operator.backup(progress=write_meanwhile)

    assert len(during) > 10, "nothing was written while it was copied"
    assert done.verified.sound
    assert done.path.parent == conf.data / "backups"
    assert stat.S_IMODE(done.path.stat().st_mode) == 0o600
    assert [path.name for path in done.path.parent.iterdir()] == [done.path.name], "nothing beside"
    with closing(sqlite3.connect(done.path)) as copy:
        senders = dict(
            copy.execute("SELECT sender, COUNT(*) FROM ledger_transaction GROUP BY sender")
        )
    assert senders["before"] == len(acknowledged)
    assert "meanwhile" not in senders, "the copy is of the moment at which it began"
    assert Transaction.objects.filter(sender="meanwhile").count() == len(during)
    assert lifecycle.verify().faults == []


@pytest.mark.usefixtures("verified_here")
def test_it_replaces_a_file_only_when_told_to(node: lifecycle.Node, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite3"
    target.write_text("mine")
    with pytest.raises(NotAccepted, match="exists already"):
        operator.backup(target)
    assert target.read_text() == "mine"
    assert operator.backup(target, force=True).verified.blocks == 1
    with pytest.raises(NodeError, match="cannot be written"):
        operator.backup(tmp_path / "no folder" / "copy.sqlite3")


@pytest.mark.usefixtures("verified_here")
def test_a_copy_that_is_not_sound_gets_no_name(node: lifecycle.Node, tmp_path: Path) -> None:
    seal(node, 2)
    damage(
        "UPDATE ledger_block SET canonical = replace(canonical, '\"proof\": ', '\"proof\": 1')"
        f" WHERE {ACTIVE.format(2)}"
    )
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(Damaged, match="block 2"):
        operator.backup(folder / "copy.sqlite3")
    assert list(folder.iterdir()) == []


@pytest.mark.usefixtures("verified_here")
class TestRestoring:
    @pytest.fixture
    def copy(self, ledger_db: Path, conf: NodeConf, tmp_path: Path) -> Path:
        """A backup of three blocks; the chain has five since."""
        with lifecycle.running(conf) as node:
            seal(node, 2)
            copy = operator.backup(tmp_path / "copy.sqlite3").path
            seal(node, 2)
        connections.close_all()
        return copy

    def test_puts_the_backup_in_place_and_keeps_what_was_there(
        self, copy: Path, ledger_db: Path, conf: NodeConf, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(backup, "verify_apart", verify_apart)
        done = operator.restore(copy)
        assert done.verified.blocks == 3
        assert done.kept is not None
        assert count_in(done.kept, "ledger_activeblock") == 5
        with lifecycle.running(conf) as node:
            assert Tip.objects.get().index == 3
            seal(node)
            assert lifecycle.verify().faults == []
        assert copy.exists()

    def test_refuses_while_somebody_uses_the_database(
        self, copy: Path, ledger_db: Path, conf: NodeConf
    ) -> None:
        with closing(sqlite3.connect(ledger_db)) as other:
            other.execute("SELECT COUNT(*) FROM ledger_block").fetchone()
            with pytest.raises(NotAccepted, match="stop it"):
                operator.restore(copy)
        with lifecycle.running(conf):
            with pytest.raises(NotAccepted, match="runs in this process"):
                operator.restore(copy)
            assert Tip.objects.get().index == 5

    def test_refuses_what_is_no_sound_backup(
        self, copy: Path, ledger_db: Path, tmp_path: Path
    ) -> None:
        for wrong in (tmp_path / "nothing", tmp_path, Path(__file__)):
            with pytest.raises(NodeError):
                operator.restore(wrong)
        with closing(sqlite3.connect(copy)) as database:
            database.execute('DELETE FROM ledger_activeblock WHERE "index" = 2')
            database.commit()
        with pytest.raises(Damaged, match="not sound"):
            operator.restore(copy)
        assert count_in(ledger_db, "ledger_activeblock") == 5
        assert not list(ledger_db.parent.glob("*.before-*"))

    def test_replaces_a_database_that_cannot_be_read(self, copy: Path, ledger_db: Path) -> None:
        ledger_db.write_bytes(b"x" * 8192)
        kept = operator.restore(copy).kept
        assert kept is not None
        assert kept.read_bytes() == b"x" * 8192
        use_database(ledger_db)
        assert Tip.objects.get().index == 3

    def test_fills_an_empty_data_folder(self, copy: Path, tmp_path: Path) -> None:
        database = tmp_path / "new" / "chain.sqlite3"
        assert backup.put_back(copy, database).kept is None
        assert count_in(database, "ledger_activeblock") == 3
