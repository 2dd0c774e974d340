"""The first account: its password is shown once, on a terminal, and is stored nowhere in clear."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.utils import timezone

from ledger.management import first_run
from ledger.node import accounts, lifecycle
from tests.processes import PROJECT, node_in

PASSWORD = re.compile(r"\b[a-km-z2-9]{5}(?:-[a-km-z2-9]{5}){3}\b")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def quick_hasher() -> object:
    hashers = [f"django.contrib.auth.hashers.{kind}PasswordHasher" for kind in ("MD5", "PBKDF2")]
    with override_settings(PASSWORD_HASHERS=hashers):
        yield


def test_a_terminal_is_shown_a_password_that_opens_and_is_shown_once(ledger_db: Path) -> None:
    said = first_run.greet(Terminal())
    password = PASSWORD.search(said)
    assert password, said
    account = authenticate(username="admin", password=password[0])
    assert account is not None and account.is_superuser and account.is_staff
    assert first_run.greet(Terminal()) == ""
    assert User.objects.count() == 1


def test_it_is_hashed_anew_with_all_rounds_at_the_first_sign_in(ledger_db: Path) -> None:
    password = accounts.make_first()
    first = User.objects.get().password
    assert authenticate(username="admin", password=password)
    assert User.objects.get().password != first


def test_no_two_are_alike_and_each_has_a_hundred_bits(ledger_db: Path) -> None:
    made = {accounts._random_password() for _ in range(200)}
    assert len(made) == 200
    assert all(PASSWORD.fullmatch(password) for password in made)
    assert len(accounts._ALPHABET) == len(set(accounts._ALPHABET)) == 32


def test_a_file_is_shown_none_and_told_the_command(ledger_db: Path) -> None:
    said = first_run.greet(io.StringIO())
    assert "dev.py manage adminpassword" in said
    assert not PASSWORD.search(said)
    assert not User.objects.exists()


def test_a_lost_password_is_renewed_with_one_command(node: lifecycle.Node) -> None:
    old = accounts.make_first()
    client = Client()
    client.force_login(User.objects.get())
    assert client.get("/admin/").status_code == 200
    User.objects.update(is_active=False, is_staff=False)
    out = io.StringIO()
    call_command("adminpassword", stdout=out)
    found = PASSWORD.search(out.getvalue())
    assert found
    assert authenticate(username="admin", password=found[0])
    assert not authenticate(username="admin", password=old)
    assert client.get("/admin/").status_code == 302, "sessions of the old password are over"


def test_the_command_makes_an_account_but_no_superuser_of_another(ledger_db: Path) -> None:
    with override_settings(NODE_DATA=ledger_db.parent):
        call_command("adminpassword", "teacher", stdout=io.StringIO())
        assert User.objects.get().is_superuser
        User.objects.create(username="guest")
        with pytest.raises(CommandError, match="guest is no superuser"):
            call_command("adminpassword", "guest")
        with pytest.raises(CommandError, match="valid username"):
            call_command("adminpassword", "a b<c>")
    assert not User.objects.get(username="guest").is_superuser


def test_sessions_that_are_over_are_swept_up_at_the_start(ledger_db: Path) -> None:
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now())
    first_run.greet(io.StringIO())
    assert not Session.objects.exists()


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_the_node_shows_it_on_its_terminal_and_it_is_in_no_file(tmp_path: Path) -> None:
    """From a shell's terminal: the password works, and is in no file of the data folder."""
    ours, its = os.openpty()
    node = subprocess.Popen(
        [sys.executable, "manage.py", "runnode", "--port", "0"],
        cwd=PROJECT,
        env={**os.environ, **node_in(tmp_path), "CHAINSITE_DIFFICULTY": "2"},
        stdout=its,
        stderr=subprocess.DEVNULL,
    )
    os.close(its)
    try:
        text = _read_until(ours, "Ctrl-C")
        password, url = PASSWORD.search(text), re.search(r"http://\S+", text)
        assert password and url, text
        login = f"{url[0]}admin/login/"
        session = requests.Session()
        token = re.search(
            r'csrfmiddlewaretoken" value="(\w+)"', session.get(login, timeout=20).text
        )
        assert token
        fields = {"username": "admin", "password": password[0], "csrfmiddlewaretoken": token[1]}
        done = session.post(login, fields, timeout=20)
        assert done.url == f"{url[0]}admin/"
    finally:
        node.kill()
        node.wait()
        os.close(ours)
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or password[0].encode() not in file.read_bytes(), file


def _read_until(terminal: int, wanted: str) -> str:
    text, deadline = "", time.monotonic() + 30
    while wanted not in text and time.monotonic() < deadline:
        text += os.read(terminal, 4096).decode()
    return text
