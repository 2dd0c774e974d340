"""The admin's list of peers and a peer's page: what was learned of each, and how to find them."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from ledger.models import Peer
from ledger.node import lifecycle
from tests.pages.conftest import Browser, words

LIST = "/admin/ledger/peer/"


def addresses(page: Any) -> list[str]:
    found = re.findall(r'<th class="field-shown_address.*?<bdi>(.*?)</bdi>', page.text, re.S)
    return [html.unescape(one) for one in found][::-1]


@pytest.fixture
def peers(node: lifecycle.Node) -> dict[str, Peer]:
    now = timezone.now()
    hour = timedelta(hours=1)
    values: dict[str, dict[str, Any]] = {
        "ours": {"kind": "ours", "version": "0.1.0", "length": 1, "last_success_at": now},
        "old": {"kind": "old", "source": "operator", "length": 9, "last_success_at": now},
        "other": {
            **{"fault": "network", "failure": "the hash", "last_failure_at": now},
            **{"speaks": "dvf, difficulty 4", "source": "exchanged"},
        },
        "silent": {"failure": "it does not answer", "failures": 3, "last_failure_at": now},
        "alias": {"alias_of": "ours:1", "identifier": "ab" * 16, "source": "introduced"},
        "banned": {"standing": "banned", "ban_reason": "spam", "score": 80.0, "scored_at": now},
        "free": {"standing": "banned", "banned_until": now - hour, "ban_reason": "was loud"},
        "waits": {"standing": "banned", "banned_until": now + hour},
        "paused": {"standing": "paused"},
    }

    def create() -> None:
        for name, given in values.items():
            Peer.objects.create(address=f"{name}:1", registered_at=now, **given)

    node.writer.run(create)
    return {row.address.split(":")[0]: row for row in Peer.objects.all()}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("kind=ours", "ours"),
        ("kind=old", "old"),
        ("answer=answers", "ours old"),
        ("answer=network", "other"),
        ("answer=unreachable", "silent"),
        ("answer=alias", "alias"),
        ("answer=misbehaved", "banned"),
        ("answer=unasked", "banned free waits paused"),
        ("source=exchanged", "other"),
        ("source=introduced", "alias"),
        ("standing=banned", "banned waits"),
        ("standing=paused", "paused"),
        ("standing=active", "ours old other silent alias free"),
        ("standing=active&kind=old&source=operator", "old"),
    ],
)
def test_they_are_found_by_what_was_learned(
    operator: Browser, peers: dict[str, Peer], query: str, found: str
) -> None:
    assert addresses(operator.get(f"{LIST}?{query}")) == [f"{name}:1" for name in found.split()]


def test_the_list_says_who_answers_and_since_when_one_is_banned(
    operator: Browser, peers: dict[str, Peer]
) -> None:
    text = words(operator.get(LIST))
    assert "chainsite 0.1.0" in text
    assert "old node" in text
    assert "banned for good" in text
    assert "banned until" in text
    assert "active (a ban has ended)" in text
    assert "named by another peer" in text
    assert "80.0" in text or "79.9" in text


def test_a_peers_page_says_all_of_it(operator: Browser, peers: dict[str, Peer]) -> None:
    def page(name: str) -> str:
        return words(operator.get(reverse("admin:ledger_peer_change", args=[peers[name].pk])))

    assert "other network" in page("other")
    assert "dvf, difficulty 4" in page("other")
    assert "ours:1" in page("alias")
    assert "ab" * 16 in page("alias")
    assert "unreachable" in page("silent")
    assert "8 ahead" in page("old")
    assert "spam" in page("banned")


def test_what_a_peer_says_of_itself_is_text(operator: Browser, node: lifecycle.Node) -> None:
    evil = "<script>alert(1)</script>"
    values = {"kind": "ours", "version": evil, "capabilities": evil, "speaks": evil}

    def create() -> None:
        Peer.objects.create(address="evil:1", registered_at=timezone.now(), **values)

    node.writer.run(create)
    row = Peer.objects.get()
    for path in (LIST, reverse("admin:ledger_peer_change", args=[row.pk])):
        assert evil not in operator.get(path).text
        assert html.escape(evil) in operator.get(path).text
