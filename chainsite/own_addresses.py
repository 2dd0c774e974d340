"""What this machine is called, and its addresses on the networks it is in."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Final

_GET_ADDRESS: Final = 0x8915  # SIOCGIFADDR
# Nothing is sent to them: a route to one of them tells which address of ours would be used.
_FAR: Final = ("192.0.2.1", "10.255.255.254", "172.31.255.254", "192.168.255.254", "2001:db8::1")


def names() -> list[str]:
    """The machine's name, alone and as neighbours look for it."""
    host = socket.gethostname()
    return [host, f"{host}.local"]


def in_urls() -> list[str]:
    """Addresses others can reach this machine by, as URLs have them, IPv4 first."""
    addresses = {ipaddress.ip_address(text) for text in _candidates()}
    outward = [address for address in addresses if not address.is_loopback]
    ordered = sorted(outward, key=lambda address: (address.version, int(address)))
    return [f"[{a}]" if a.version == 6 else str(a) for a in ordered]


def _candidates() -> Iterator[str]:
    with contextlib.suppress(OSError):
        for _, _, _, _, place in socket.getaddrinfo(socket.gethostname(), None):
            if "%" not in str(place[0]):  # a link-local one works with an interface's name only
                yield str(place[0])
    for far in _FAR:
        family = socket.AF_INET6 if ":" in far else socket.AF_INET
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((far, 9))
            yield probe.getsockname()[0]
    if sys.platform == "linux":  # the name of a Debian machine leads to 127.0.1.1 alone
        yield from _of_interfaces()


def _of_interfaces() -> Iterator[str]:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):  # an interface without an IPv4 address
                asked = struct.pack("256s", name.encode())
                answer = fcntl.ioctl(probe.fileno(), _GET_ADDRESS, asked)
                yield socket.inet_ntoa(answer[20:24])
