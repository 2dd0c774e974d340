"""System checks: silent for the default install, and a sentence for what is unsafe."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.checks import CheckMessage, Tags, run_checks
from django.core.management import call_command
from django.db import connection
from django.test import AsyncClient, override_settings

from chainsite import checks, mounts, sqlite_library
from ledger.management.commands.runnode import Command as RunNode
from tests import databases
from tests.processes import manage_py

DATABASE = {"tags": [Tags.database], "databases": ["default"]}


def ids(found: list[CheckMessage]) -> list[str]:
    return [str(message.id) for message in found]


DEPLOYMENT = ("check", "--deploy", "--fail-level", "WARNING")


def test_the_default_install_is_clean(tmp_path: Path) -> None:
    done = manage_py(*DEPLOYMENT, CHAINSITE_DATA=str(tmp_path / "new"))
    assert done.returncode == 0, done.stdout
    assert "no issues" in done.stdout


def test_behind_tls_it_is_clean_too_and_nothing_about_cookies_is_silenced(tmp_path: Path) -> None:
    done = manage_py(*DEPLOYMENT, CHAINSITE_DATA=str(tmp_path), CHAINSITE_TLS="on")
    assert done.returncode == 0, done.stdout
    assert "no issues (3 silenced)" in done.stdout


async def test_behind_tls_browsers_are_told_to_come_by_it_alone() -> None:
    answer = await AsyncClient().get("/healthz")
    assert "Strict-Transport-Security" not in answer.headers
    with override_settings(SECURE_HSTS_SECONDS=3600):
        answer = await AsyncClient().get("/healthz")
    assert answer.headers["Strict-Transport-Security"] == "max-age=3600"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.7", False),
        ("node.lan", False),
        ("localhost.evil.example", False),
    ],
)
def test_debug_pages_are_for_this_machine_alone(host: str, local: bool) -> None:
    with override_settings(DEBUG=True, NODE_HOST=host):
        assert ids(checks.debug_is_for_this_machine()) == ([] if local else ["chainsite.E003"])
    with override_settings(DEBUG=False, NODE_HOST=host):
        assert checks.debug_is_for_this_machine() == []


def test_runnode_does_not_start_with_them_elsewhere() -> None:
    done = manage_py("runnode", "--host", "0.0.0.0", "--port", "0", CHAINSITE_DEBUG="on")
    assert done.returncode == 1
    assert "chainsite.E003" in done.stdout
    assert "Ctrl-C" not in done.stdout


def test_a_wildcard_among_the_hosts_is_a_warning() -> None:
    with override_settings(ALLOWED_HOSTS=["localhost", "*"]):
        assert ids(checks.hosts_are_named()) == ["chainsite.W004"]


def test_a_secret_key_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    with override_settings(NODE_DATA=tmp_path):
        assert checks.secret_key_is_secret() == []
        (tmp_path / "secret-key").write_text("x")
        (tmp_path / "secret-key").chmod(0o640)
        (found,) = checks.secret_key_is_secret()
        assert "mode 0640" in found.msg
        (tmp_path / "secret-key").chmod(0o600)
        assert checks.secret_key_is_secret() == []


def test_a_library_with_the_bug_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_library, "FIRST_SOUND", (99, 0, 0))
    (found,) = checks.sound_library()
    assert "WAL bug" in found.msg


MOUNTS = r"""/dev/sda1 / ext4 rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
server:/x /srv/nfs nfs4 rw 0 0
/dev/sdb1 /srv/nfs/local xfs rw 0 0
tmpfs /srv/with\040space tmpfs rw 0 0
/dev/sdc1 /hidden ext4 rw 0 0
//box/y /hidden cifs rw 0 0
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/x", "ext4"),
        ("/dev/shm", "tmpfs"),
        ("/dev/shmother", "ext4"),
        ("/srv/nfs/a/b", "nfs4"),
        ("/srv/nfs/local/a", "xfs"),
        ("/srv/with space/a", "tmpfs"),
        ("/hidden/a", "cifs"),
    ],
)
def test_the_file_system_of_a_folder_is_known(tmp_path: Path, folder: str, kind: str) -> None:
    (tmp_path / "mounts").write_text(MOUNTS)
    assert mounts.kind_of(Path(folder), tmp_path / "mounts") == kind
    assert mounts.kind_of(Path(folder), tmp_path / "none") == ""


@pytest.mark.sqlite("its file is in the data folder; where a server has it, no node sees")
@pytest.mark.parametrize(
    ("kind", "words"), [("tmpfs", "in memory"), ("nfs4", "on the network"), ("ext4", "")]
)
def test_a_data_folder_that_is_no_disk_is_a_warning(
    ledger_db: Path, monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    monkeypatch.setattr(mounts, "kind_of", lambda folder: kind)
    found = [m for m in run_checks(**DATABASE) if m.id == "chainsite.W006"]
    assert [words in message.msg for message in found] == ([True] if words else [])


@pytest.mark.sqlite("its modes; tests/postgresql tells of a server's")
@pytest.mark.parametrize(
    ("pragma", "said"),
    [
        ("synchronous=NORMAL", "SQLite has synchronous at 1, and not at FULL."),
        ("foreign_keys=OFF", "SQLite has foreign_keys at 0, and not at ON."),
        ("recursive_triggers=OFF", "SQLite has recursive_triggers at 0, and not at ON."),
        ("journal_mode=DELETE", "SQLite has journal_mode at delete, and not at WAL."),
    ],
)
def test_a_mode_that_is_not_in_force_is_an_error(ledger_db: Path, pragma: str, said: str) -> None:
    assert checks.modes_are_in_force(databases=["default"]) == []
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {pragma}")
    (found,) = checks.modes_are_in_force(databases=["default"])
    assert (found.id, found.msg) == ("chainsite.E007", said)


def test_a_missing_trigger_is_a_warning_and_migrate_puts_it_back(ledger_db: Path) -> None:
    assert checks.history_is_guarded(databases=["default"]) == []
    table = " ON ledger_block" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER ledger_block_refuses_delete{table}")
    (found,) = checks.history_is_guarded(databases=["default"])
    assert "ledger_block_refuses_delete" in found.msg
    call_command("migrate", verbosity=0, skip_checks=False)
    assert checks.history_is_guarded(databases=["default"]) == []


def test_before_the_first_migration_nothing_is_missing(ledger_db: Path) -> None:
    new = ledger_db.with_name("new.sqlite3")
    databases.make(new)
    databases.use(new)
    assert connection.introspection.table_names() == []
    assert checks.history_is_guarded(databases=["default"]) == []


def test_without_a_database_asked_for_none_is_opened() -> None:
    # pytest-django refuses any use of the database here.
    assert run_checks(tags=[Tags.database]) == []


@pytest.mark.sqlite("its modes; tests/postgresql tells of a server's")
def test_runnode_checks_the_database_it_opened(ledger_db: Path) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=NORMAL")
    command = RunNode(stdout=io.StringIO(), stderr=io.StringIO())
    with pytest.raises(Exception, match=r"chainsite\.E007"):
        command.handle(host="127.0.0.1", port=0, role="all")


def test_a_worker_is_to_say_where_the_node_is_reached() -> None:
    with override_settings(NODE_ROLE="worker", NODE_NETWORKING="automatic"):
        (found,) = checks.peers_can_come_back()
        assert found.id == "chainsite.W015"
        with override_settings(NODE_PUBLIC_ADDRESS="node.example:80"):
            assert checks.peers_can_come_back() == []
    assert checks.peers_can_come_back() == [], "whoever serves is called back itself"
