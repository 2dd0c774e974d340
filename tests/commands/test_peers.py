from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.management import CommandError
from django.utils import timezone

from ledger.models import Peer

Manage = Callable[..., str]


def test_a_peers_whole_life(manage: Manage) -> None:
    assert manage("peers") == "no peers\n"
    assert "was added" in manage("peers", "add", "http://10.0.0.1:5000", "--note", "the lab's")
    assert "is paused" in manage("peers", "pause", "10.0.0.1:5000")
    assert manage("peers") == "10.0.0.1:5000  paused   not asked yet  the lab's\n"
    assert "is asked again" in manage("peers", "resume", "10.0.0.1:5000")
    manage("peers", "edit", "10.0.0.1:5000", "--address", "10.0.0.2:5000", "--note", "")
    assert manage("peers", "list") == "10.0.0.2:5000  active   not asked yet\n"
    printed = manage("peers", "ban", "10.0.0.2:5000", "--for", "2h", "--reason", "floods us")
    assert "is banned until" in printed
    left = Peer.objects.get().banned_until - timezone.now()
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    assert "(floods us)" in manage("peers")
    assert "not banned any more" in manage("peers", "unban", "10.0.0.2:5000")
    assert "was removed" in manage("peers", "remove", "10.0.0.2:5000")
    assert manage("peers") == "no peers\n"


def test_several_are_named_at_once_and_each_that_can_be_is_done(manage: Manage) -> None:
    one, other, third = (f"10.0.0.{n}:5000" for n in (1, 2, 3))
    for address in (one, other, third):
        manage("peers", "add", address)
    assert manage("peers", "pause", one, other).count("is paused") == 2
    with pytest.raises(CommandError, match=f"{one} is not active; there is no peer 10.0.0.9:80"):
        manage("peers", "pause", one, "10.0.0.9", third)
    assert manage("peers").count("paused") == 3
    assert manage("peers", "resume", one, other, third).count("is asked again") == 3


def test_a_ban_without_a_time_is_for_good(manage: Manage) -> None:
    assert "for good" in manage("peers", "ban", "10.0.0.1:5000")
    assert "banned for good" in manage("peers")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("pause", "10.0.0.9:5000"), "there is no peer"),
        (("add", "user@host"), "not host:port"),
        (("ban", "10.0.0.9:5000", "--for", "soon"), "30m, 12h, 7d"),
        (("edit", "10.0.0.9:5000"), "there is no peer"),
        (("adopt", "10.0.0.9:5000"), "invalid choice"),
        (("pause",), "ADDRESS"),
    ],
)
def test_what_cannot_be_done_is_an_error_with_its_reason(
    manage: Manage, arguments: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        manage("peers", *arguments)
    assert not Peer.objects.exists()
