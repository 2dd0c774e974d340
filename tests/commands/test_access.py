"""`manage.py access`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import CommandError
from django.test import override_settings

from ledger.access.policy import ACTS

Manage = Callable[..., str]


def _row(text: str, act: str) -> list[str]:
    (line,) = (line for line in text.splitlines() if line.startswith(f"{act} "))
    return line.split()


def test_on_a_loopback_address_there_is_only_this_machine(manage: Manage) -> None:
    text = manage("access")
    assert "elsewhere" not in text
    assert _row(text, "mine")[1] == "yes"
    assert "CHAINSITE_TRUSTED_PROXIES" in text


def test_on_another_address_it_says_what_is_the_operators_and_how_often(manage: Manage) -> None:
    with override_settings(NODE_WORK_RATE=33, NODE_WRITE_RATE=0):
        text = manage("access", "--host", "0.0.0.0")
    assert _row(text, "read")[1:4] == ["yes", "yes", "1200"]
    assert _row(text, "send")[1:4] == ["yes", "yes", "any"]
    assert _row(text, "mine")[1:4] == ["yes", "operator", "33"]
    assert "classroom" not in text


def test_a_classroom_and_proxies_are_explained(manage: Manage) -> None:
    with override_settings(NODE_CLASSROOM=["lan"], NODE_TRUSTED_PROXIES=["127.0.0.1"]):
        text = manage("access", "--host", "127.0.0.1")
    assert _row(text, "mine")[1:5] == ["yes", "yes", "operator", "20"]
    assert _row(text, "cancel")[1:5] == ["yes", "operator", "operator", "20"]
    assert "classroom: the local network" in text
    assert "proxies: 127.0.0.1/32" in text


def test_every_act_is_there_with_its_reason(manage: Manage) -> None:
    text = " ".join(manage("access", "--host", "::").split())
    for act in ACTS:
        assert act.what in text
        assert act.why in text


def test_a_setting_that_makes_no_sense_is_said_plainly(manage: Manage) -> None:
    with (
        override_settings(NODE_CLASSROOM=["everyone"]),
        pytest.raises(CommandError, match="CHAINSITE_CLASSROOM: 'everyone'"),
    ):
        manage("access")
