"""Access tokens in the admin: made and shown once, listed without their text, revoked."""

from __future__ import annotations

import re

from django.contrib.sessions.models import Session
from django.urls import reverse

from ledger.models import AccessToken
from ledger.node import lifecycle, tokens
from tests.pages.conftest import Browser

from .conftest import account, history, signed_in

MAKE = "/admin/node/make-token/"


def test_a_token_is_shown_once_and_kept_nowhere(node: lifecycle.Node, operator: Browser) -> None:
    operator.get(MAKE)
    shown = operator.post(MAKE, {"name": "grafana", "days": "7"})
    found = re.search(r'id="token">(\S+)</pre>', shown.text)
    assert found
    assert "no-store" in shown["Cache-Control"]
    row = tokens.find(found[1])
    assert row is not None and row.name == "grafana" and row.expires_at is not None
    path = reverse("admin:ledger_accesstoken_change", args=[row.pk])
    for later in (MAKE, "/admin/", "/admin/ledger/accesstoken/", path, "/admin/admin/logentry/"):
        assert found[1] not in operator.get(later).text
    kept = [session.get_decoded() for session in Session.objects.all()]
    assert found[1] not in repr(kept)
    assert history() == [("Make the token grafana", f"Done: {row}")]


def test_a_name_that_is_taken_makes_none(node: lifecycle.Node, operator: Browser) -> None:
    operator.get(MAKE)
    assert operator.post(MAKE, {"name": "one"}).status_code == 200
    again = operator.post(MAKE, {"name": "one"})
    assert again.status_code == 422
    assert "revoke it first" in again.text
    assert AccessToken.objects.count() == 1
    assert history()[-1][1].startswith("Failed: ")


def test_a_revoked_token_opens_nothing(node: lifecycle.Node, operator: Browser) -> None:
    text, row = node.writer.run(lambda: tokens.create("one"))
    page = operator.get(reverse("admin:ledger_accesstoken_change", args=[row.pk]))
    path = reverse("admin:act", args=["revoke-token", row.pk])
    assert path in page.text
    operator.get(path)
    assert operator.post(path).status_code == 302
    assert tokens.find(text) is None
    page = operator.get(reverse("admin:ledger_accesstoken_change", args=[row.pk]))
    assert path not in page.text


def test_only_superusers_make_them(node: lifecycle.Node) -> None:
    staff = signed_in(account("staff"))
    staff.get("/admin/password_change/")
    assert staff.get(MAKE).status_code == 403
    assert staff.post(MAKE, {"name": "mine", "key": "0" * 32}).status_code == 403
    assert not AccessToken.objects.exists()
