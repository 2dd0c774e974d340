"""DATABASE_URL: understood as psql understands it, and its password shown nowhere."""

from __future__ import annotations

import io
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from chainsite import configuration, databases

SECRET = "s3cr3t/with a slash"
URL = "postgresql://me:s3cr3t%2Fwith%20a%20slash@db.example:5433/chain?sslmode=require"


def test_it_is_what_django_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)
    address = configuration.DATABASE_URL.value()
    assert address is not None
    conf = databases.on_server(address)
    assert (conf["NAME"], conf["USER"], conf["PASSWORD"]) == ("chain", "me", SECRET)
    assert (conf["HOST"], conf["PORT"]) == ("db.example", "5433")
    assert conf["OPTIONS"]["sslmode"] == "require"
    assert "lock_timeout=5s" in conf["OPTIONS"]["options"]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (URL, "postgresql://me@db.example:5433/chain"),
        ("postgres://db/chain", "postgresql://db/chain"),
        ("postgresql://me@/chain?host=/run/pg", "postgresql://me@/chain?host=/run/pg"),
        ("postgresql://[::1]/chain", "postgresql://[::1]/chain"),
        ("host=db dbname=chain password=x", "postgresql://db/chain"),
    ],
)
def test_its_password_is_not_shown(monkeypatch: pytest.MonkeyPatch, given: str, shown: str) -> None:
    monkeypatch.setenv("DATABASE_URL", given)
    out = io.StringIO()
    call_command("listsettings", stdout=out)
    assert f"DATABASE_URL = {shown}\n" in out.getvalue()
    assert "s3cr3t" not in out.getvalue()


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql://me:s3cr3t/with@db/chain",  # the slash ends the address there
        "postgresql://me:s3cr3t@db:many/chain",
        "mysql://me:s3cr3t@db/chain",
        "postgresql://me:s3cr3t@db",
        "s3cr3t",
    ],
)
def test_one_that_cannot_be_is_refused_without_quoting_it(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", wrong)
    with pytest.raises(ImproperlyConfigured, match="percent-encoded") as refused:
        configuration.DATABASE_URL.value()
    assert "s3cr3t" not in str(refused.value)


def test_without_the_driver_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", URL)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ImproperlyConfigured, match=r"psycopg.* is not installed"):
        configuration.DATABASE_URL.value()
