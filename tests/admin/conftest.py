"""The admin of the node in this process, as a signed-in operator's browser asks for it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from ledger.admin import running, site
from ledger.node import lifecycle
from tests.pages import forked
from tests.pages.conftest import Browser

ADDRESS = {"sender": "alice", "recipient": "bob"}


def account(name: str, **rights: bool) -> User:
    """An account without a password: to hash one takes half a second."""
    user = User(username=name, is_staff=True, **rights)
    user.set_unusable_password()
    user.save()
    return user


def signed_in(user: User) -> Browser:
    browser = Browser()
    client = Client()
    client.force_login(user)
    browser.client.cookies = client.cookies
    return browser


def messages(response: Any) -> list[str]:
    """What a page tells about the last act."""
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', response.text, re.S)
    items = re.findall(r"<li[^>]*>(.*?)</li>", found[1], re.S) if found else []
    return [html.unescape(item).strip() for item in items]


def history() -> list[tuple[str, str]]:
    """What the admin's history says, oldest first: what was done, and the outcome."""
    return list(LogEntry.objects.order_by("pk").values_list("object_repr", "change_message"))


@pytest.fixture(autouse=True)
def fresh_memory() -> None:
    """No act and no try to sign in of another test."""
    running._acts.clear()
    site._tries._buckets.clear()


@pytest.fixture
def operator(node: lifecycle.Node) -> Iterator[Browser]:
    yield signed_in(account("operator", is_superuser=True))
    for act in running.latest():
        assert act.ended.wait(20)


@pytest.fixture
def lived(node: lifecycle.Node) -> lifecycle.Node:
    """A node with something in every table: blocks, stale ones, a transaction that came back."""
    forked.submit(node, "alice", "bob", 5)
    forked.seal(node, 2)
    forked.submit(node, "alice", "carol", 6)
    forked.outgrow(node, 1, [[], [], []])
    forked.seal(node)
    return node
