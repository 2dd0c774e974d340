"""Addresses of peers: what may be registered, and where this node may connect.

A peer is named by anyone who can reach `/nodes/register`, so a name is a way to make this node
call places its caller cannot reach. Names are parsed as `host:port` and nothing else; at the time
of connecting they are resolved once, every answer is checked against the tables below, and the
connection goes to a checked address. The tables are explicit, since what Python's `ipaddress`
calls global or private differs by version and misses addresses that matter.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import Final

from ..errors import NodeError

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Place = tuple[IPAddress, int]
"""Where a connection goes: an IP address and a port."""

_ADDRESS: Final = re.compile(
    r"(?:http://)?(?:\[(?P<v6>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[A-Za-z0-9._-]{1,253}))"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)
_NUMBER_LABEL: Final = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*", re.ASCII)
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?", re.ASCII)


def _networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_NEVER: Final = _networks(
    "0.0.0.0/8",  # this network
    "169.254.0.0/16",  # link-local, and the metadata services of clouds
    "168.63.129.16/32",  # a cloud's host agent
    "100.100.100.200/32",  # a cloud's metadata service
    "192.0.0.0/24",  # protocol assignments, with one more metadata service
    "192.0.2.0/24",  # documentation
    "192.88.99.0/24",  # 6to4 relays
    "198.18.0.0/15",  # benchmarking
    "198.51.100.0/24",  # documentation
    "203.0.113.0/24",  # documentation
    "224.0.0.0/4",  # multicast
    "240.0.0.0/4",  # reserved, broadcast
    "fd00:ec2::/32",  # a cloud's metadata service, and others beside it
    "fd20:ce::254/128",  # another cloud's metadata service
    "2001::/23",  # protocol assignments, Teredo among them
    "2001:db8::/32",  # documentation
    "2002::/16",  # 6to4
    "3fff::/20",  # documentation
)
_LOOPBACK: Final = _networks("127.0.0.0/8", "::1/128")
_PRIVATE: Final = _networks(
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"
)
# Of IPv6 only global unicast can be public: mapped, compatible, NAT64, link-local, site-local and
# multicast forms all lie outside of it.
_PUBLIC: Final = _networks("0.0.0.0/0", "2000::/3")

# Other protocols' ports, by the Fetch standard's list: browsers do not call them either.
# fmt: off
_OTHER_SERVICES: Final = frozenset({
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389,
    427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636,
    989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665,
    6666, 6667, 6668, 6669, 6679, 6697, 10080,
})
# fmt: on

POLICIES: Final = {
    "loopback": ("loopback",),
    "private": ("loopback", "private"),
    "any": ("loopback", "private", "public"),
}


class AddressRefused(NodeError):
    """This is no address of a peer, or none this node may connect to."""


def parse(text: object) -> str:
    """A peer's address in its one spelling, `host:port`, from `host:port` or `http://host:port`.

    Port 80 where none is given. Raises `AddressRefused` for anything else: other schemes,
    credentials, paths, queries, and every way to write an IPv4 address but four decimals.
    """
    if not isinstance(text, str):
        raise AddressRefused("an address is a string")
    shown = text if len(text) <= 80 else text[:80] + "…"
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise AddressRefused(f"not host:port or http://host:port: {shown!a}")
    port = int(match["port"] or 80)
    if not 1 <= port <= 65535:
        raise AddressRefused(f"the port is from 1 to 65535: {shown!a}")
    if port in _OTHER_SERVICES:
        raise AddressRefused(f"the port belongs to another service: {shown!a}")
    if match["v6"]:
        try:
            return f"[{ipaddress.IPv6Address(match['v6']).compressed}]:{port}"
        except ValueError:
            raise AddressRefused(f"not an IPv6 address: {shown!a}") from None
    host = match["host"].lower().removesuffix(".")
    labels = host.split(".")
    if _NUMBER_LABEL.fullmatch(labels[-1]):
        try:
            return f"{ipaddress.IPv4Address(host)}:{port}"
        except ValueError:
            raise AddressRefused(f"not an IPv4 address: {shown!a}") from None
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise AddressRefused(f"not a host name: {shown!a}")
    return f"{host}:{port}"


def split(address: str) -> tuple[str, int]:
    """Host (IPv6 without brackets) and port of a parsed address."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def named_place(address: str) -> Place | None:
    """The place that a parsed address names itself, without a resolver; None for a host's name."""
    host, port = split(address)
    try:
        return ipaddress.ip_address(host), port
    except ValueError:
        return None


def kind(address: IPAddress) -> str:
    """`loopback`, `private`, `public` or `never`."""
    for name, networks in (
        ("never", _NEVER),
        ("loopback", _LOOPBACK),
        ("private", _PRIVATE),
        ("public", _PUBLIC),
    ):
        if any(address in network for network in networks if network.version == address.version):
            return name
    return "never"


def check_literal(address: str, policy: str) -> None:
    """Refuse, at registration already, an IP address this node will never connect to."""
    if place := named_place(address):  # a name is judged when it is resolved
        _check(place[0], address, policy)


def resolve(address: str, policy: str) -> list[Place]:
    """Where a parsed address leads now. One forbidden answer refuses all of them.

    Raises `AddressRefused`, also when the name does not resolve.
    """
    if place := named_place(address):  # no resolver is asked about it, and none can lie
        _check(place[0], address, policy)
        return [place]
    host, port = split(address)
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressRefused(f"{address} does not resolve") from None
    found = list(dict.fromkeys(ipaddress.ip_address(info[4][0]) for info in infos))
    for literal in found:
        _check(literal, address, policy)
    return [(literal, port) for literal in found]


def _check(literal: IPAddress, address: str, policy: str) -> None:
    if kind(literal) not in POLICIES[policy]:
        raise leads_elsewhere(address)


def leads_elsewhere(address: str) -> AddressRefused:
    """Without saying where to: whoever registered the name may not know our network."""
    return AddressRefused(f"{address} leads where this node does not connect")
