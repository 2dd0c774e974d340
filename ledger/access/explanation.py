"""The policy in words: what is open to whom, for the operator who starts a node."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator

from django.conf import settings

from .policy import ACTS, LAN_NETWORKS, Act, Grant, Place, Policy

_SHORT = {
    Grant.EVERYBODY: "yes",
    Grant.OPERATOR: "operator",
    Grant.SIGNED_IN: "signs in",
}


def places(policy: Policy, host: str) -> list[Place]:
    """Where those who can reach a node that listens on `host` may come from."""
    if is_loopback(host) and not policy.proxies:
        return [Place.MACHINE]
    return [place for place in Place if place is not Place.CLASSROOM or policy.classroom]


def granted(policy: Policy, act: Act, place: Place) -> str:
    """Who may, of those who come from a place, in a word or two."""
    return _SHORT[policy.grant(act, place)]


def paced(policy: Policy, act: Act) -> str:
    """How often, from elsewhere than this machine."""
    return str(policy.rates[act.rate] or "any")


def summary(policy: Policy, host: str, port: int) -> Iterator[str]:
    """What is open, in a few lines, with the URLs others reach it by."""
    if is_loopback(host) and not policy.proxies:
        yield "this machine only, for everything, as in the article"
        return
    yield "this machine, for everything"
    if policy.proxies:
        yield f"who comes through {', '.join(map(str, policy.proxies))} is from elsewhere"
    if policy.classroom:
        yield f"the classroom ({classroom(policy)}): {_opened(policy, Place.CLASSROOM)}"
    yield f"everybody elsewhere: {_opened(policy, Place.ELSEWHERE)}"
    if host in ("0.0.0.0", "::"):
        own = [a for a in settings.OWN_ADDRESSES if host == "::" or ":" not in a]
        named = " and ".join(f"http://{address}:{port}/" for address in own)
        yield named or "this machine is in no network"
    yield f"more: manage.py access --host {host}"


def classroom(policy: Policy) -> str:
    """Its networks, in short."""
    named = list(map(str, policy.classroom))
    if set(LAN_NETWORKS) <= set(named):
        named = ["the local network", *(one for one in named if one not in LAN_NETWORKS)]
    return ", ".join(named)


def is_loopback(host: str) -> bool:
    """Whether who listens there is reached from this machine alone."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return all(ipaddress.ip_address(one.partition("%")[0]).is_loopback for one in found)


def _opened(policy: Policy, place: Place) -> str:
    names = [act.name for act in ACTS if policy.grant(act, place) is Grant.EVERYBODY]
    return f"{', '.join(names)}; the rest is the operator's"
