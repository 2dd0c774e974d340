"""History is for reading: no form, no crafted request and no superuser changes or deletes it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import models
from django.urls import reverse

from ledger.admin.reading import ReadOnly
from ledger.models import Block, DamagedBlock, Peer
from ledger.node import lifecycle, tokens
from ledger.node import operator as acts
from tests.pages.conftest import Browser, words

from .conftest import account, signed_in

TABLES = [model for model, table in admin.site._registry.items() if isinstance(table, ReadOnly)]

NEITHER = "history can be neither changed nor deleted"


def url(model: type[models.Model], what: str, *arguments: object) -> str:
    name = model._meta.label_lower.replace(".", "_")
    return reverse(f"admin:{name}_{what}", args=arguments)


def rows(model: type[models.Model]) -> list[tuple[Any, ...]]:
    return list(model._base_manager.order_by("pk").values_list())


@pytest.fixture
def full(lived: lifecycle.Node, operator: Browser) -> Browser:
    """Every table has a row."""
    acts.add_peer("127.0.0.1:5997")
    lived.writer.run(lambda: tokens.create("a program"))
    stale = a_stale_block()
    acts.invalidate_block(stale, "a test")
    text = {"hash": "0" * 64, "index": 3, "canonical": "{}", "found_at": "2026-01-01T00:00Z"}
    lived.writer.run(lambda: DamagedBlock.objects.create(**text))
    user = User.objects.get(username="operator")
    LogEntry.objects.create(user=user, object_repr="something", action_flag=2)
    return operator


def a_stale_block() -> str:
    return str(Block.objects.filter(active=None, index=3).values_list("hash", flat=True)[0])


def test_every_table_is_here_and_reads_only() -> None:
    names = {model.__name__ for model in TABLES}
    assert names >= {
        *("Block", "ActiveBlock", "Transaction", "Inclusion", "Reorganisation", "Event"),
        *("Address", "NodeIdentity", "Peer", "InvalidBlock", "ReorganisedTransaction"),
        *("DamagedBlock", "LogEntry"),
    }


@pytest.mark.long
def test_every_attempt_to_write_as_a_superuser_is_refused(full: Browser) -> None:
    for model in TABLES:
        before = rows(model)
        assert before, model
        pk = before[0][0]
        assert full.get(url(model, "changelist")).status_code == 200, model
        page = full.get(url(model, "change", pk))
        assert page.status_code == 200, model
        assert 'name="_save"' not in page.text
        fields = {field.name: "1" for field in model._meta.concrete_fields}
        for path in (url(model, "add"), url(model, "change", pk), url(model, "delete", pk)):
            refused = full.post(path, {**fields, "_save": "1", "post": "yes"})
            assert refused.status_code == 403
            assert NEITHER in refused.text, "it is not for a missing token that it is refused"
        assert full.get(url(model, "add")).status_code == 403
        assert full.get(url(model, "delete", pk)).status_code == 403
        crafted = {"action": "delete_selected", "_selected_action": str(pk), "post": "yes"}
        full.post(url(model, "changelist"), crafted)
        full.post(url(model, "changelist"), {"_save": "1", "form-TOTAL_FORMS": "1", **fields})
        assert rows(model) == before, model


def test_without_a_token_nothing_is_even_tried(full: Browser) -> None:
    full.fields = {}
    refused = full.post(reverse("admin:act", args=["add-peer"]), {"address": "127.0.0.1:5996"})
    assert refused.status_code == 403
    assert "This form is out of date" in words(refused)
    assert not Peer.objects.filter(address="127.0.0.1:5996").exists()


def test_staff_see_what_they_were_given_to_see_and_nothing_else(lived: lifecycle.Node) -> None:
    user = account("staff")
    user.user_permissions.add(Permission.objects.get(codename="view_block"))
    user.user_permissions.add(Permission.objects.get(codename="delete_block"))
    user.user_permissions.add(Permission.objects.get(codename="change_block"))
    staff = signed_in(user)
    assert "Blocks" in words(staff.get("/admin/"))
    assert "Operations" not in words(staff.get("/admin/"))
    assert staff.get("/admin/ledger/block/1/change/").status_code == 200
    assert staff.get("/admin/ledger/event/").status_code == 403
    for what in ("change", "delete"):
        path = reverse(f"admin:ledger_block_{what}", args=[1])
        assert staff.post(path, {"post": "yes"}).status_code == 403


def test_strangers_and_those_who_are_no_staff_are_led_to_the_sign_in(lived: lifecycle.Node) -> None:
    nobody = account("nobody")
    User.objects.filter(pk=nobody.pk).update(is_staff=False)
    gone = account("gone", is_superuser=True)
    for browser in (Browser(), signed_in(nobody), signed_in(gone)):
        User.objects.filter(pk=gone.pk).update(is_active=False)
        for path in ("/admin/", "/admin/ledger/block/", "/admin/node/", "/admin/node/mine/"):
            response = browser.get(path)
            assert response.status_code == 302
            assert response["Location"].startswith("/admin/login/")


def test_an_account_cannot_be_deleted_and_with_it_what_it_did(full: Browser) -> None:
    user = User.objects.get(username="operator")
    assert full.get(f"/admin/auth/user/{user.pk}/change/").status_code == 200
    assert full.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 403
    crafted = {"action": "delete_selected", "_selected_action": str(user.pk), "post": "yes"}
    full.post("/admin/auth/user/", crafted)
    assert User.objects.filter(pk=user.pk).exists()
