"""Nodes that find each other on the local network, and records that lead nowhere forbidden."""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from ledger.consensus import DVF, SEED, Network
from ledger.models import Peer
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.node.errors import NodeError
from ledger.node.identity import Identity
from ledger.node.network import discovery
from ledger.node.network.discovery import Discovery, address_in, record

OURS = Identity("a" * 32, Network(SEED, 4))
OTHER = Identity("b" * 32, Network(SEED, 4))


@pytest.fixture
def listening(conf: NodeConf) -> NodeConf:
    """On the local network."""
    return replace(conf, host="0.0.0.0", port=8000, peer_policy="any", discovers=True)


def said(identity: Identity, **more: bytes | None) -> dict[bytes, bytes | None]:
    """The record of a node, as it comes over the network."""
    texts = {name.encode(): value.encode() for name, value in record(identity).items()}
    return {**texts, **{name.encode(): value for name, value in more.items()}}


def found(
    conf: NodeConf,
    *places: str,
    values: dict[bytes, bytes | None] | None = None,
    port: int | None = 8000,
) -> str | None:
    values = said(OTHER) if values is None else values
    return address_in(values, [ipaddress.ip_address(one) for one in places], port, OURS, conf)


def test_a_record_names_the_first_place_where_this_node_may_connect(listening: NodeConf) -> None:
    assert found(listening, "192.168.0.7") == "192.168.0.7:8000"
    assert found(listening, "169.254.1.1", "10.0.0.7") == "10.0.0.7:8000"
    assert found(listening, "fe80::1", "fd00::7") == "[fd00::7]:8000"
    assert found(listening, "93.184.216.34") == "93.184.216.34:8000"
    assert found(replace(listening, peer_policy="private"), "93.184.216.34") is None
    assert found(listening) is None


@pytest.mark.parametrize(
    "place",
    [
        *("0.0.0.0", "127.0.0.1", "::1", "169.254.169.254", "224.0.0.251", "ff02::fb", "fe80::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"),
    ],
)
def test_a_record_cannot_lead_to_this_machine_or_to_forbidden_places(
    listening: NodeConf, place: str
) -> None:
    assert found(listening, place) is None


def test_nodes_of_one_machine_find_each_other_on_it(listening: NodeConf) -> None:
    alone = replace(listening, host="127.0.0.1")
    assert found(alone, "127.0.0.1") == "127.0.0.1:8000"
    assert found(replace(listening, host="localhost"), "::1") == "[::1]:8000"


@pytest.mark.parametrize("port", [None, 0, -1, 22, 25, 6667, 65536])
def test_a_port_of_another_service_is_none(listening: NodeConf, port: int | None) -> None:
    assert found(listening, "192.168.0.7", port=port) is None


@pytest.mark.parametrize(
    "values",
    [
        {},
        said(OURS),
        said(Identity("b" * 32, Network(SEED, 3))),
        said(Identity("b" * 32, Network(DVF, 4))),
        said(OTHER, id=None),
        said(OTHER, id=b""),
        said(OTHER, difficulty=None),
        said(OTHER, difficulty=b"04"),
        said(OTHER, difficulty=b"4\x00"),
        said(OTHER, difficulty=b"9" * 255),
        said(OTHER, dialect=b"SEED"),
        said(OTHER, dialect=b"\xff\xfe"),
        {b"ID": b"b" * 32, b"dialect": b"seed", b"difficulty": b"4"},
    ],
)
def test_ourselves_other_networks_and_nonsense_are_nobody(
    listening: NodeConf, values: dict[bytes, bytes | None]
) -> None:
    assert found(listening, "192.168.0.7", values=values) is None


def test_what_a_record_says_beside_does_not_matter(listening: NodeConf) -> None:
    values = said(OTHER, id=b"\xff<script>", path=b"/../x", x=b"\x00" * 255)
    assert found(listening, "192.168.0.7", values=values) == "192.168.0.7:8000"


def test_without_the_package_the_start_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, listening: NodeConf
) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(NodeError, match=r"dev\.py run --lan"):
        Discovery(OURS, listening, lambda address: None).start()
    Discovery(OURS, replace(listening, discovers=False), lambda address: None).start()


# --- on a network -----------------------------------------------------------------------------


def multicast_is_heard() -> bool:
    """Whether what is sent to a group on the loopback interface arrives there."""
    group, here = "224.0.0.251", socket.inet_aton("127.0.0.1")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
            ear.bind(("", 0))
            membership = socket.inet_aton(group) + here
            ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            ear.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, here)
            ear.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, struct.pack("b", 1))
            ear.settimeout(1)
            ear.sendto(b"?", (group, ear.getsockname()[1]))
            return ear.recv(1) == b"?"
    except OSError:
        return False


@pytest.fixture
def on_loopback(listening: NodeConf) -> NodeConf:
    if not multicast_is_heard():
        pytest.skip("no multicast on this machine's loopback interface")
    return replace(listening, host="127.0.0.1")


@pytest.fixture
def announced(on_loopback: NodeConf) -> Iterator[Callable[..., list[str]]]:
    """Announce a node; answer with the addresses it finds, as it finds them."""
    running: list[Discovery] = []

    def announce(identity: Identity, port: int) -> list[str]:
        heard: list[str] = []
        running.append(Discovery(identity, replace(on_loopback, port=port), heard.append))
        running[-1].start()
        return heard

    yield announce
    for one in running:
        one.close()


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def test_two_nodes_of_one_network_find_each_other_and_nobody_else(
    announced: Callable[..., list[str]],
) -> None:
    begun = time.monotonic()
    here = announced(OURS, 8001)
    assert time.monotonic() - begun < discovery._BEGUN / 2, "the start was kept waiting"
    stranger = announced(Identity("c" * 32, Network(DVF, 4)), 8003)
    there = announced(OTHER, 8002)
    until(lambda: here and there)
    assert set(here) == {"127.0.0.1:8002"}
    assert set(there) == {"127.0.0.1:8001"}
    assert stranger == []


def test_it_can_be_closed_while_it_begins(on_loopback: NodeConf) -> None:
    one = Discovery(OURS, on_loopback, lambda address: None)
    one.start()
    one.close()
    one.close()
    assert not any(thread.name == "ledger-discovery" for thread in threading.enumerate())
    Discovery(OURS, on_loopback, lambda address: None).close()


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, is_automatic=True)


def test_who_is_found_is_looked_at_before_it_is_a_peer(
    monkeypatch: pytest.MonkeyPatch, node: lifecycle.Node
) -> None:
    met: list[tuple[str, str]] = []
    monkeypatch.setattr(
        type(node.keeper), "meet", lambda self, address, source: met.append((address, source))
    )
    lifecycle.stop()
    again = lifecycle.start(node.conf)
    again.duties.discovery._found("192.168.0.7:8000")
    assert met == [("192.168.0.7:8000", Peer.Source.DISCOVERED)]
    assert discovery.SERVICE == "_chainsite._tcp.local."
