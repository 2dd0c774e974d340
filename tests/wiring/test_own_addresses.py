"""This machine's own names and addresses: what it may be called by."""

from __future__ import annotations

import socket

import pytest
from django.conf import settings

from chainsite import own_addresses


def test_no_loopback_address_is_given_to_neighbours() -> None:
    found = own_addresses.in_urls()
    assert not [one for one in found if one.startswith("127.") or one == "[::1]"]
    assert found == list(dict.fromkeys(found))


def test_an_address_others_reach_us_by_is_a_name_we_answer_to() -> None:
    """A machine's name leads to 127.0.1.1 alone on Debian: the interfaces know better."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine is in no network")
        address = probe.getsockname()[0]
    assert address in settings.OWN_ADDRESSES
    assert address in settings.ALLOWED_HOSTS


def test_whatever_the_system_cannot_tell_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(socket.socket, "connect", fail)
    monkeypatch.setattr(own_addresses.sys, "platform", "plan9")
    assert own_addresses.in_urls() == []


def test_addresses_of_both_families_are_written_as_urls_have_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["::1", "fd00::7", "127.0.1.1", "192.168.7.1", "192.168.7.1", "10.0.0.2"]
    monkeypatch.setattr(own_addresses, "_candidates", lambda: iter(texts))
    assert own_addresses.in_urls() == ["10.0.0.2", "192.168.7.1", "[fd00::7]"]
