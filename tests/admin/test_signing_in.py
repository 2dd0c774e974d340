"""Signing in: throttled, silent about who has an account, and never shut for the operator."""

from __future__ import annotations

import hashlib
import time
from typing import Any

import pytest
from django.contrib.auth import hashers
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import AsyncClient
from django.utils import timezone

from ledger.admin import throttle
from ledger.node import accounts, lifecycle
from tests.pages.conftest import Browser, words

LOGIN = "/admin/login/?next=/admin/"
PASSWORD = "correct horse battery staple"
FAR = "192.0.2.1"


@pytest.fixture(autouse=True)
def quick_hasher(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def admin(node: lifecycle.Node) -> User:
    return User.objects.create_superuser("admin", password=PASSWORD)


class Client(AsyncClient):
    """It may be anywhere, and come over https."""

    address, scheme = FAR, "http"

    def _base_scope(self, **request: Any) -> dict[str, Any]:
        scope = super()._base_scope(**request)
        return {**scope, "client": [self.address, 1234], "scheme": self.scheme}


def visitor() -> Browser:
    browser = Browser()
    browser.client = Client(enforce_csrf_checks=True)
    return browser


def sign_in(browser: Browser, name: str, password: str, address: str = FAR) -> Any:
    browser.client.address = address
    browser.get(LOGIN)
    return browser.post(LOGIN, {"username": name, "password": password, "next": "/admin/"})


def sign_out(browser: Browser) -> None:
    browser.get("/admin/")
    assert browser.post("/admin/logout/").status_code == 200


def fail(times: int, name: str = "admin", address: str = FAR) -> list[int]:
    return [sign_in(visitor(), name, "wrong", address).status_code for _ in range(times)]


def test_a_good_password_opens_and_signing_out_closes(admin: User) -> None:
    browser = visitor()
    answer = sign_in(browser, "admin", PASSWORD)
    assert answer.status_code == 302
    assert answer["Location"] == "/admin/"
    cookie = answer.cookies["sessionid"]
    assert cookie["httponly"] and cookie["samesite"] == "Strict" and not cookie["secure"]
    assert answer.cookies["device"]["path"] == "/admin/"
    assert answer.cookies["device"]["httponly"]
    assert browser.get("/admin/").status_code == 200
    assert browser.get("/admin/logout/").status_code == 405
    assert browser.get("/admin/").status_code == 200
    assert browser.post("/admin/logout/").status_code == 200
    assert browser.get("/admin/").status_code == 302
    assert not Session.objects.exists()


def test_over_https_cookies_stay_on_https(admin: User) -> None:
    browser = visitor()
    browser.client.scheme = "https"
    browser.get(LOGIN)
    answer = browser.post(
        LOGIN,
        {"username": "admin", "password": PASSWORD, "next": "/admin/"},
        origin="https://testserver",
    )
    assert answer.status_code == 302
    assert all(cookie["secure"] for cookie in answer.cookies.values())


def test_it_does_not_lead_to_another_site(admin: User) -> None:
    browser = visitor()
    browser.get(LOGIN)
    fields = {"username": "admin", "password": PASSWORD, "next": "http://evil.example/"}
    assert browser.post("/admin/login/", fields)["Location"] == "/admin/"


def test_too_many_tries_are_told_to_wait(admin: User) -> None:
    assert fail(throttle.TRIES) == [200] * throttle.TRIES
    refused = sign_in(visitor(), "admin", PASSWORD)
    assert refused.status_code == 429
    assert 1 <= int(refused["Retry-After"]) <= throttle.SECONDS
    assert "Too many tries to sign in. Wait" in words(refused)
    assert not Session.objects.exists(), "the right password is not even looked at"


def test_waiting_helps(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(throttle.TRIES + 1)
    later = time.monotonic() + throttle.SECONDS
    monkeypatch.setattr(throttle.time, "monotonic", lambda: later)
    assert sign_in(visitor(), "admin", PASSWORD).status_code == 302


def test_an_account_is_guarded_against_many_addresses(admin: User) -> None:
    answers = [fail(1, address=f"192.0.2.{n}")[0] for n in range(8)]
    assert answers == [200] * throttle.TRIES + [429] * (8 - throttle.TRIES)


def test_an_address_is_held_back_whatever_accounts_it_names(admin: User) -> None:
    answers = [fail(1, name=f"user{n}")[0] for n in range(8)]
    assert answers == [200] * throttle.TRIES + [429] * (8 - throttle.TRIES)


def test_one_ipv6_network_is_one_address(admin: User) -> None:
    answers = [fail(1, name=f"user{n}", address=f"2001:db8::{n:x}")[0] for n in range(8)]
    assert answers.count(429) == 8 - throttle.TRIES
    assert fail(1, name="other", address="2001:db8:0:1::1") == [200]


def test_the_operator_is_not_locked_out_by_others(admin: User) -> None:
    """Not on a device that signed in before, and not at the machine itself."""
    known = visitor()
    assert sign_in(known, "admin", PASSWORD, "192.0.2.50").status_code == 302
    sign_out(known)
    for n in range(12):
        fail(1, address=f"198.51.100.{n}")
    assert fail(1, address="198.51.100.99") == [429]
    assert sign_in(known, "admin", PASSWORD, "192.0.2.50").status_code == 302
    assert sign_in(visitor(), "admin", PASSWORD, "127.0.0.1").status_code == 302
    assert sign_in(visitor(), "admin", PASSWORD, "::ffff:127.0.0.1").status_code == 302


def test_a_known_device_may_not_guess_without_end(admin: User) -> None:
    known = visitor()
    sign_in(known, "admin", PASSWORD)
    sign_out(known)
    answers = [sign_in(known, "admin", "wrong").status_code for _ in range(7)]
    assert answers.count(429) == 2
    other = visitor()
    other.client.cookies["device"] = "made:up:cookie"
    fail(throttle.TRIES)
    assert sign_in(other, "admin", PASSWORD).status_code == 429


def test_what_is_remembered_is_bounded() -> None:
    tries = throttle.Throttle()
    for n in range(10_000):
        assert tries.take(throttle.keys(f"10.0.{n >> 8}.{n & 255}", f"user{n}", "")) == 0
    assert len(tries._buckets) == throttle._BUCKETS


def test_the_answer_does_not_tell_who_has_an_account(admin: User) -> None:
    there, not_there = (sign_in(visitor(), n, "wrong") for n in ("admin", "nobody"))
    assert words(there) == words(not_there)
    User.objects.filter(pk=admin.pk).update(is_active=False)
    gone = sign_in(visitor(), "admin", PASSWORD, "192.0.2.77")
    assert words(gone) == words(there)


def test_nor_does_the_work_it_takes(
    node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """As many rounds for a wrong password as for no account, also while the account still has its
    first password, which was hashed with few."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    rounds: list[int] = []

    def quick(password: Any, salt: Any, iterations: int, **_options: Any) -> bytes:
        rounds.append(iterations)
        return hashlib.sha256(f"{password}{salt}".encode()).digest()

    monkeypatch.setattr(hashers, "pbkdf2", quick)
    accounts.make_first()
    done = {}
    for name in ("admin", "nobody"):
        rounds.clear()
        sign_in(visitor(), name, "wrong", "10.0.0.1")
        done[name] = sum(rounds)
    assert done["admin"] == done["nobody"] == hashers.PBKDF2PasswordHasher.iterations


def test_signing_in_sweeps_up_sessions_that_are_over(admin: User) -> None:
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now())
    sign_in(visitor(), "admin", PASSWORD)
    assert Session.objects.count() == 1
    assert not Session.objects.filter(session_key="old").exists()


def test_a_new_password_must_not_be_easy(admin: User) -> None:
    browser = visitor()
    sign_in(browser, "admin", PASSWORD)
    browser.get("/admin/password_change/")
    for new in ("short", "password1234"):
        fields = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
        assert browser.post("/admin/password_change/", fields).status_code == 200
    fields = {
        "old_password": PASSWORD,
        **dict.fromkeys(("new_password1", "new_password2"), "vQ9-x2Lm-77tt"),
    }
    assert browser.post("/admin/password_change/", fields).status_code == 302
