"""Who may send the forms, and what of: our own pages, small forms, by POST."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from ledger.models import Transaction
from ledger.views import notices

from .conftest import Browser, words

TARGETS = ["/transactions", "/mining", "/mining/cancel"]
GOOD = {"sender": "alice", "recipient": "bob", "amount": "5"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def guarded(browser, node, monkeypatch):
    """A browser with a token, which must not get anything done with it."""
    asked = []
    for name in ("mine", "cancel"):
        monkeypatch.setattr(node.miner, name, lambda name=name: asked.append(name))
    yield browser
    monkeypatch.undo()
    assert asked == []
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("path", TARGETS)
def test_without_a_token_nothing_is_done(guarded, path):
    guarded.fields = {}
    page = guarded.post(path, GOOD)

    assert page.status_code == 403
    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert "Nothing was done" in page.text


@pytest.mark.parametrize("path", TARGETS)
def test_with_anothers_token_nothing_is_done(guarded, path):
    stranger = Browser()
    stranger.get()
    guarded.fields = stranger.fields

    assert guarded.post(path, GOOD).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://testserver", "http://testserver:81"]
)
def test_from_another_origin_nothing_is_done_even_with_the_token(guarded, origin):
    for path in TARGETS:
        assert guarded.post(path, GOOD, origin=origin).status_code == 403


def test_a_script_is_told_in_json(node):
    script = Browser("application/json")
    told = script.post("/transactions", GOOD)

    assert told.status_code == 403
    assert "Nothing was done" in told.json()["message"]


def test_with_its_token_and_from_our_origin_it_is_done(browser):
    response = browser.post("/transactions", GOOD, origin="http://testserver")

    assert response.status_code == 303
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize("path", TARGETS)
@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch", "options"])
def test_only_post_is_taken(node, path, method):
    response = Browser().ask(method, path)

    assert (response.status_code, response["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"]
)
def test_only_forms_are_read(guarded, kind):
    response = guarded.ask(
        "post", "/transactions", data=urlencode(guarded.fields | GOOD), content_type=kind
    )

    assert response.status_code == 415


@pytest.mark.parametrize("size", [17_000, 70_000, 1_000_000])
def test_only_small_forms_are_read(guarded, size):
    response = guarded.post("/transactions", GOOD | {"more": "x" * size})

    assert response.status_code == 413


def test_many_fields_and_bytes_that_are_no_text_do_no_harm(browser):
    many = browser.post("/transactions", {f"f{n}": "" for n in range(1001)})
    browser.fields["sender"] = "%FF%FE"
    raw = browser.ask(
        "post",
        "/transactions",
        data=urlencode(browser.fields | GOOD) + "&sender=%FF%FE",
        content_type=FORM,
    )

    assert many.status_code == 400
    assert raw.status_code == 303
    assert Transaction.objects.get().sender == "\ufffd\ufffd"


@pytest.mark.parametrize(
    "value", ["accepted.7", "accepted.7:1abcde:forged", "", "x" * 4000, "mining.<b>:a:b"]
)
def test_a_notice_that_is_not_ours_is_not_shown(browser, value):
    browser.client.cookies["notice"] = value
    page = browser.get()

    assert page.status_code == 200
    assert 'class="notice"' not in page.text
    assert not page.cookies["notice"].value, "it is taken away"


def test_a_notice_is_only_shown_for_a_moment(browser, monkeypatch):
    browser.post("/transactions", GOOD)
    monkeypatch.setattr(notices, "_SECONDS", -1)

    assert "Accepted" not in words(browser.get())


def test_the_notice_cookie_is_for_this_site_and_no_script(browser):
    response = browser.post("/transactions", GOOD)
    cookie = response.cookies["notice"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert int(cookie["max-age"]) <= 60
