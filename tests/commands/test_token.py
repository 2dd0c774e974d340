"""`manage.py token`."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from ledger.models import AccessToken
from ledger.node import tokens

Manage = Callable[..., str]


def test_a_token_is_shown_once_and_only_its_hash_is_kept(manage: Manage) -> None:
    text = manage("token", "create", "grafana").strip()
    assert re.fullmatch(r"cst_[A-Za-z0-9_-]{43}", text)
    row = AccessToken.objects.get()
    kept = " ".join(map(str, AccessToken.objects.values_list().get()))
    assert text not in kept
    assert text[12:] not in kept
    assert row.prefix == text[:12]
    assert tokens.find(text) == row
    listed = manage("token", "list")
    assert f"grafana ({text[:12]}…)" in listed
    assert "never used" in listed
    assert text not in listed


def test_what_is_no_part_of_it_goes_to_the_error_stream(ledger_db: object) -> None:
    out, err = io.StringIO(), io.StringIO()
    call_command("token", "create", "a", stdout=out, stderr=err)
    assert out.getvalue().strip().startswith("cst_")
    assert "not shown again" in err.getvalue()


@pytest.mark.parametrize("by", [lambda text: "ci", lambda text: text[:12], lambda text: text])
def test_it_is_revoked_by_its_name_or_its_beginning(
    manage: Manage, by: Callable[[str], str]
) -> None:
    text = manage("token", "create", "ci").strip()
    kept = manage("token", "create", "other").strip()
    assert "is revoked" in manage("token", "revoke", by(text))
    assert tokens.find(text) is None
    assert tokens.find(kept) is not None
    assert re.search(r"ci .*, revoked \d{4}", manage("token", "list"))
    with pytest.raises(CommandError, match="no token is called"):
        manage("token", "revoke", by(text))


def test_it_may_hold_for_some_days(manage: Manage) -> None:
    manage("token", "create", "brief", "--days", "30")
    row = AccessToken.objects.get()
    assert (row.expires_at - row.created_at).days in (29, 30)
    assert "holds until" in manage("token", "list")


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb", "a\x1b[31m", "\u202eevil"])
def test_a_name_that_cannot_be_shown_is_refused(manage: Manage, name: str) -> None:
    with pytest.raises(CommandError, match="printable"):
        manage("token", "create", name)
    assert not AccessToken.objects.exists()


def test_two_good_tokens_do_not_share_a_name(manage: Manage) -> None:
    manage("token", "create", "ci")
    with pytest.raises(CommandError, match="revoke it first"):
        manage("token", "create", "ci")
    manage("token", "revoke", "ci")
    manage("token", "create", "ci")


@pytest.mark.parametrize("days", ["0", "-1", "x", "1.5", "99999999999"])
def test_days_are_days(manage: Manage, days: str) -> None:
    with pytest.raises(CommandError, match="number of days"):
        manage("token", "create", "ci", f"--days={days}")
