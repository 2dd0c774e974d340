"""`manage.py access`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.management import CommandError
from django.test import override_settings

from ledger.access import explanation
from ledger.access.policy import ACTS, Policy

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


def test_a_node_does_not_start_with_a_policy_that_makes_no_sense(manage: Manage) -> None:
    with (
        override_settings(NODE_TRUSTED_PROXIES=["nginx"]),
        pytest.raises(CommandError, match="CHAINSITE_TRUSTED_PROXIES: 'nginx'"),
    ):
        manage("runnode", "--port", "0")


class TestAtStart:
    """What `runnode` prints of it."""

    def lines(self, host: str, **settings: object) -> list[str]:
        with override_settings(OWN_ADDRESSES=["192.168.7.1", "[fd00::7]"], **settings):
            return list(explanation.summary(Policy.from_settings(), host, 8000))

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
    def test_on_a_loopback_address_it_is_one_line(self, host: str) -> None:
        assert self.lines(host) == ["this machine only, for everything, as in the article"]

    def test_on_all_addresses_it_says_what_is_open_and_where(self) -> None:
        text = "\n".join(self.lines("0.0.0.0"))
        assert (
            "everybody elsewhere: read, send, register, announce; the rest is the operator's"
            in text
        )
        assert "http://192.168.7.1:8000/" in text
        assert "fd00" not in text
        assert "http://[fd00::7]:8000/" in "\n".join(self.lines("::"))

    def test_of_a_classroom_it_says_what_is_everybodys_there(self) -> None:
        text = "\n".join(self.lines("0.0.0.0", NODE_CLASSROOM=["lan", "203.0.113.0/24"]))
        assert (
            "the classroom (the local network, 203.0.113.0/24): read, send, register, announce,"
            in text
        )

    def test_of_a_proxy_it_says_that_nobody_is_local_through_it(self) -> None:
        text = "\n".join(self.lines("127.0.0.1", NODE_TRUSTED_PROXIES=["127.0.0.1"]))
        assert "127.0.0.1/32 is from elsewhere" in text

    def test_a_machine_without_a_network_says_so(self) -> None:
        with override_settings(OWN_ADDRESSES=[]):
            text = "\n".join(explanation.summary(Policy.from_settings(), "0.0.0.0", 8000))
        assert "no network" in text
