"""What may be registered as a peer, and where this node connects."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable

import pytest

from ledger.node.network import addresses
from ledger.node.network.addresses import AddressRefused

PARSED = {
    # as the article and its readers write them
    "192.168.0.5:5000": "192.168.0.5:5000",
    "http://192.168.0.5:5000": "192.168.0.5:5000",
    "http://192.168.0.5:5000/": "192.168.0.5:5000",
    "192.168.0.5:5000/": "192.168.0.5:5000",
    "HTTP://192.168.0.5:5000": "192.168.0.5:5000",
    "localhost:5000": "localhost:5000",
    "http://localhost:5001": "localhost:5001",
    # one spelling for one peer
    "LOCALHOST:5000": "localhost:5000",
    "node.example.:5000": "node.example:5000",
    "192.168.0.5": "192.168.0.5:80",
    "http://node.example": "node.example:80",
    "node.example:080": "node.example:80",
    "node_1.example:65535": "node_1.example:65535",
    "xn--bcher-kva.example:5000": "xn--bcher-kva.example:5000",
    "[::1]:5000": "[::1]:5000",
    "http://[::1]:5000/": "[::1]:5000",
    "[0:0:0:0:0:0:0:1]:5000": "[::1]:5000",
    "[FD12::00a]:5000": "[fd12::a]:5000",
    "[::1]": "[::1]:80",
}

REFUSED = [
    "",
    " ",
    "http://",
    ":5000",
    "/",
    ".",
    "..:5000",
    "host..example:5000",
    "-host:5000",
    "host-:5000",
    f"{'a' * 64}.example:5000",
    f"{'a.' * 130}example:5000",
    # other schemes
    "https://node.example:5000",
    "ftp://node.example:5000",
    "file:///etc/passwd",
    "gopher://node.example:5000",
    "javascript:alert(1)",
    "//node.example:5000",
    "http:node.example:5000",
    "http:///node.example:5000",
    # userinfo, path, query, fragment, and what some parsers take for them
    "user@node.example:5000",
    "http://user:secret@node.example:5000",
    "http://node.example:5000@169.254.169.254",
    "node.example:5000/chain",
    "node.example:5000//",
    "node.example:5000/..",
    "node.example:5000?x=1",
    "node.example:5000#x",
    "node.example\\@10.0.0.1:5000",
    "http:\\\\node.example:5000",
    "node.example%2e:5000",
    "%6eode.example:5000",
    "node.example:5000 ",
    " node.example:5000",
    "node.example:5000\n",
    "node.example\r\nHost: x:5000",
    "node\t.example:5000",
    "node\x00.example:5000",
    # not ASCII: IDNA maps many letters to others
    "bücher.example:5000",
    "ⓝode.example:5000",
    "127。0。0。1:5000",
    "\uff11\uff12\uff17.0.0.1:5000",
    "٣.0.0.1:5000",
    "node\ud800.example:5000",
    # an IPv4 address has one way to be written
    "2130706433:5000",
    "0x7f000001:5000",
    "0x7f.0.0.1:5000",
    "0x7f.0x0.0x0.0x1:5000",
    "0177.0.0.1:5000",
    "017700000001:5000",
    "127.1:5000",
    "127.0.1:5000",
    "127.0.0.01:5000",
    "127.0.0.256:5000",
    "127.0.0.1.1:5000",
    "127.0.0.0x1:5000",
    "node.0x:5000",
    "0:5000",
    # ports
    "node.example:0",
    "node.example:65536",
    "node.example:99999",
    "node.example:100000",
    "node.example:",
    "node.example:-1",
    "node.example:+80",
    "node.example: 80",
    "node.example:8_0",
    "node.example:eighty",
    "node.example:80:80",
    # IPv6
    "::1",
    "::1:5000",
    "[::1",
    "::1]:5000",
    "[]:5000",
    "[:]:5000",
    "[::1%eth0]:5000",
    "[::1%25eth0]:5000",
    "[1::2::3]:5000",
    "[12345::]:5000",
    "[127.0.0.1]:5000",
    "[node.example]:5000",
    "[::1]5000",
    "[[::1]]:5000",
    "[v1.x]:5000",
]

NO_STRINGS: list[object] = [
    None,
    True,
    5000,
    1.5,
    ["localhost:5000"],
    {"host": "localhost"},
    b"a:1",
]

KINDS = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": [
        "10.0.0.1",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.5",
        "100.64.0.1",
        "100.127.255.255",
        "fc00::1",
        "fd12:3456::1",
    ],
    "public": [
        "1.1.1.1",
        "8.8.8.8",
        "11.0.0.1",
        "172.15.255.255",
        "172.32.0.1",
        "192.167.255.255",
        "192.169.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "169.253.255.255",
        "169.255.0.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450::1",
    ],
    "never": [
        "0.0.0.0",
        "0.255.255.255",
        "169.254.0.1",
        "169.254.169.254",  # metadata, of most clouds
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::127.0.0.1",  # compatible
        "::ffff:127.0.0.1",  # mapped
        "::ffff:10.0.0.1",
        "::ffff:1.1.1.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",  # translated
        "64:ff9b::7f00:1",  # NAT64
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",  # 6to4
        "2002:a9fe:a9fe::",
        "2001::1",  # Teredo
        "2001:0:7f00:1::",
        "2001:db8::1",
        "3fff::1",
        "100::1",
        "fe80::1",
        "fe80::1%eth0",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "4000::1",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ],
}
ALLOWED = {
    "loopback": {"loopback"},
    "private": {"loopback", "private"},
    "any": {"loopback", "private", "public"},
}


@pytest.mark.parametrize(("text", "address"), PARSED.items())
def test_one_peer_has_one_spelling(text: str, address: str) -> None:
    assert addresses.parse(text) == address
    assert addresses.parse(address) == address
    assert addresses.parse(f"http://{address}") == address


@pytest.mark.parametrize("text", REFUSED)
def test_whatever_is_not_host_and_port_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        addresses.parse(text)
    assert str(refused.value).isascii()
    assert str(refused.value).isprintable(), "the reason can be shown and logged as it is"


@pytest.mark.parametrize("value", NO_STRINGS)
def test_what_is_no_string_is_refused(value: object) -> None:
    with pytest.raises(AddressRefused, match="an address is a string"):
        addresses.parse(value)


def test_a_refusal_quotes_only_the_beginning() -> None:
    with pytest.raises(AddressRefused) as refused:
        addresses.parse("x" * 60_000)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("port", [22, 25, 110, 143, 587, 2049, 5060, 6000, 6667, 10080])
def test_a_port_of_another_service_is_refused(port: int) -> None:
    with pytest.raises(AddressRefused, match="port"):
        addresses.parse(f"node.example:{port}")


def test_an_address_splits_into_what_a_socket_takes() -> None:
    assert addresses.split("localhost:5000") == ("localhost", 5000)
    assert addresses.split("[fd12::a]:65535") == ("fd12::a", 65535)


@pytest.mark.parametrize(("kind", "text"), [(kind, t) for kind in KINDS for t in KINDS[kind]])
def test_every_address_has_its_kind(kind: str, text: str) -> None:
    assert addresses.kind(ipaddress.ip_address(text)) == kind


@pytest.mark.parametrize("policy", ALLOWED)
def test_an_ip_address_is_judged_at_registration(policy: str) -> None:
    for kind, texts in KINDS.items():
        for text in texts:
            if "%" in text:
                continue  # never parsed
            address = addresses.parse(f"[{text}]:5000" if ":" in text else f"{text}:5000")
            if kind in ALLOWED[policy]:
                addresses.check_literal(address, policy)
            else:
                with pytest.raises(AddressRefused, match="where this node does not connect"):
                    addresses.check_literal(address, policy)


def test_a_name_is_not_resolved_at_registration(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("asked the resolver")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    addresses.check_literal("node.example:5000", "loopback")


Resolver = Callable[..., list[str]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    """Say what the resolver answers; the returned list fills with the names it was asked for."""

    def prepare(*texts: str) -> list[str]:
        asked: list[str] = []

        def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
            asked.append(host)
            return [
                (
                    socket.AF_INET6 if ":" in text else socket.AF_INET,
                    socket.SOCK_STREAM,
                    6,
                    "",
                    (text, port, 0, 0) if ":" in text else (text, port),
                )
                for text in texts
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return prepare


def test_a_name_is_resolved_once_and_each_answer_counts_once(answers: Resolver) -> None:
    asked = answers("10.0.0.1", "10.0.0.1", "fd12::1", "10.0.0.2")
    found = addresses.resolve("node.example:5000", "any")
    assert [str(ip) for ip, _ in found] == ["10.0.0.1", "fd12::1", "10.0.0.2"]
    assert {port for _, port in found} == {5000}
    assert asked == ["node.example"]


@pytest.mark.parametrize(
    ("policy", "texts"),
    [
        ("any", ("1.1.1.1", "169.254.169.254")),
        ("any", ("169.254.169.254", "1.1.1.1")),
        ("any", ("1.1.1.1", "::ffff:10.0.0.1")),
        ("any", ("127.0.0.1", "fe80::1%2")),
        ("any", ("2606:4700::1", "64:ff9b::7f00:1")),
        ("private", ("10.0.0.1", "1.1.1.1")),
        ("loopback", ("127.0.0.1", "10.0.0.1")),
    ],
)
def test_one_forbidden_answer_refuses_the_name(
    answers: Resolver, policy: str, texts: tuple[str, ...]
) -> None:
    answers(*texts)
    with pytest.raises(AddressRefused) as refused:
        addresses.resolve("node.example:5000", policy)
    assert "node.example:5000" in str(refused.value)
    for text in texts:
        assert text not in str(refused.value), "what names resolve to here is nobody's business"


def test_a_name_without_an_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(AddressRefused, match="does not resolve"):
        addresses.resolve("node.example:5000", "any")
