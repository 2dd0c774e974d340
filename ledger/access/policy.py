"""The access policy: what can be done here, who may, from where, how often.

On the machine the node runs on everything works as in the article. From elsewhere it stays a node
that can be read, sent to and registered with, at a bounded pace; what costs it a processor or the
choice of its chain is the operator's. A classroom is a set of networks where mining and resolving
are everybody's.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LAN: Final = "lan"
"""In a list of networks: all that routers do not pass on to the Internet."""
LAN_NETWORKS: Final = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"),
    *("fc00::/7", "fe80::/10"),
)


class Place(Enum):
    """Where a request comes from, by the address of its connection, never by what it says."""

    MACHINE = "this machine"
    CLASSROOM = "classroom"
    ELSEWHERE = "elsewhere"


class Grant(Enum):
    """Who may, of those who come from a place."""

    EVERYBODY = "everybody"
    OPERATOR = "the operator: signed in, or with a token"
    SIGNED_IN = "who signs in, which its own pages ask for"


class Rate(Enum):
    """What is counted together, for each address."""

    READ = "read"
    WRITE = "write"
    WORK = "work"


@dataclass(frozen=True, slots=True)
class Act:
    """Something that can be done here. `what` and `why` are for people."""

    name: str
    what: str
    why: str
    rate: Rate
    machine: Grant = Grant.EVERYBODY
    classroom: Grant = Grant.OPERATOR
    elsewhere: Grant = Grant.OPERATOR


READ: Final = Act(
    "read",
    "pages, GET /chain, GET /api/v1/, dry runs, /ws/",
    "Reading changes nothing, and GET /chain is what peers ask for.",
    Rate.READ,
    classroom=Grant.EVERYBODY,
    elsewhere=Grant.EVERYBODY,
)
SEND: Final = Act(
    "send",
    "POST /transactions/new, POST /api/v1/transactions, the form",
    "It is what a node is for; the pool has a bound.",
    Rate.WRITE,
    classroom=Grant.EVERYBODY,
    elsewhere=Grant.EVERYBODY,
)
REGISTER: Final = Act(
    "register",
    "POST /nodes/register, the form",
    "Nodes introduce each other; how many are kept, and where they may be, has a bound.",
    Rate.WRITE,
    classroom=Grant.EVERYBODY,
    elsewhere=Grant.EVERYBODY,
)
ANNOUNCE: Final = Act(
    "announce",
    "POST /api/v1/network/announcements",
    "A hint that there is something new; what there is, this node fetches itself.",
    Rate.READ,
    classroom=Grant.EVERYBODY,
    elsewhere=Grant.EVERYBODY,
)
MINE: Final = Act(
    "mine",
    "GET /mine, POST /api/v1/mining, the button",
    "A search takes a processor for as long as it lasts.",
    Rate.WORK,
    classroom=Grant.EVERYBODY,
)
RESOLVE: Final = Act(
    "resolve",
    "GET /nodes/resolve, the button",
    "This node then calls all its peers, and may change over to another chain.",
    Rate.WORK,
    classroom=Grant.EVERYBODY,
)
CANCEL: Final = Act(
    "cancel",
    "DELETE /api/v1/mining, the button that cancels searches",
    "It ends the searches of everybody, not only one's own.",
    Rate.WORK,
)
ADMINISTER: Final = Act(
    "administer",
    "/admin/",
    "The operator's pages know accounts, and ask who it is, on this machine too.",
    Rate.WRITE,
    machine=Grant.SIGNED_IN,
    classroom=Grant.SIGNED_IN,
    elsewhere=Grant.SIGNED_IN,
)
WATCH: Final = Act(
    "watch",
    "/metrics",
    "It tells how busy the node and its machine are.",
    Rate.READ,
)
OPERATE: Final = Act(
    "operate",
    "whatever no rule names",
    "Closed until somebody has thought about it.",
    Rate.READ,
)

ACTS: Final = (READ, SEND, REGISTER, ANNOUNCE, MINE, RESOLVE, CANCEL, ADMINISTER, WATCH, OPERATE)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route does, when asked by a method that acts; GET, HEAD and OPTIONS only read.

    `get_acts`: GET acts, too, as in the article. `form`: the request carries the CSRF token of one
    of our pages. `shared`: pages of any site may read the answer. `always`: whatever the method.
    `deletes`: what DELETE does, where that is another act.
    """

    act: Act
    get_acts: bool = False
    form: bool = False
    shared: bool = False
    always: bool = False
    deletes: Act | None = None

    def acts(self, method: str) -> bool:
        """Whether this method does more than read."""
        return method not in ("GET", "HEAD", "OPTIONS") or (self.get_acts and method == "GET")

    def asks_for(self, method: str) -> Act:
        if self.deletes is not None and method == "DELETE":
            return self.deletes
        return self.act if self.always or self.acts(method) else READ


_READING: Final = Rule(READ)
_SHARED: Final = Rule(READ, shared=True)
_CLOSED: Final = Rule(OPERATE, always=True)

RULES: Final[Mapping[str, Rule]] = {
    "mine": Rule(MINE, get_acts=True),
    "new-transaction": Rule(SEND),
    "chain": Rule(READ, shared=True),
    "register-nodes": Rule(REGISTER),
    "resolve": Rule(RESOLVE, get_acts=True),
    "node": Rule(READ, shared=True),
    "network-probe": _READING,
    "network-blocks": _READING,
    "network-addresses": _READING,
    "network-announcements": Rule(ANNOUNCE),
    "network-transactions": _READING,
    "v1:transactions": Rule(SEND, shared=True),
    "v1:mining": Rule(MINE, deletes=CANCEL, shared=True),
    "v1:mining-blocks": Rule(MINE, shared=True),
    "v1:*": _SHARED,
    "reference:asyncapi": _SHARED,
    "reference:*": _READING,
    "live": _READING,
    "healthz": _READING,
    "readyz": _READING,
    "metrics": Rule(WATCH, always=True),
    "admin:*": Rule(ADMINISTER, form=True),
    "ledger:start-mining": Rule(MINE, form=True),
    "ledger:cancel-mining": Rule(CANCEL, form=True),
    "ledger:submit-transaction": Rule(SEND, form=True),
    "ledger:register-peer": Rule(REGISTER, form=True),
    "ledger:resolve": Rule(RESOLVE, form=True),
    "ledger:language": Rule(READ, form=True),
    **dict.fromkeys(
        (
            *("ledger:dashboard", "ledger:kiosk", "ledger:favicon", "ledger:statistics"),
            *("ledger:feed", "ledger:badge", "ledger:robots"),
            *("ledger:blocks", "ledger:block", "ledger:block-raw", "ledger:charts-csv"),
            *("ledger:transaction", "ledger:entry", "ledger:pool", "ledger:forks"),
            *("ledger:address", "ledger:address-by-name", "ledger:code", "ledger:code-by-name"),
            *("ledger:reorganisation", "ledger:peers", "ledger:search", "ledger:suggest"),
        ),
        _READING,
    ),
}
"""By the name of the route. `namespace:*` stands for all of a namespace."""


def rule_of(route: str) -> Rule:
    """The rule of a route, by its full name; for one that has none, it is closed."""
    namespace, colon, _ = route.partition(":")
    return RULES.get(route) or (RULES.get(f"{namespace}:*") if colon else None) or _CLOSED


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of this node, as its settings have it. `rates`: requests a minute for each
    address; 0 is no limit."""

    classroom: tuple[Network, ...]
    proxies: tuple[Network, ...]
    rates: Mapping[Rate, int]

    @classmethod
    def from_settings(cls) -> Policy:
        """Raises `ImproperlyConfigured`, naming the setting."""
        rates = {
            Rate.READ: settings.NODE_READ_RATE,
            Rate.WRITE: settings.NODE_WRITE_RATE,
            Rate.WORK: settings.NODE_WORK_RATE,
        }
        return cls(
            _networks("CHAINSITE_CLASSROOM", settings.NODE_CLASSROOM),
            _networks("CHAINSITE_TRUSTED_PROXIES", settings.NODE_TRUSTED_PROXIES),
            rates,
        )

    def place(self, address: str, *, forwarded: bool) -> Place:
        """Where a connection from `address` comes from; `forwarded`: somebody passed it on.

        What a proxy on this machine passes on comes from this machine's address, and from anywhere.
        """
        parsed = parse(address)
        if parsed is None:
            return Place.ELSEWHERE
        if parsed.is_loopback:
            mine = not forwarded and not self.trusts(address)
            return Place.MACHINE if mine else Place.ELSEWHERE
        inside = any(parsed in network for network in self.classroom)
        return Place.CLASSROOM if inside else Place.ELSEWHERE

    def trusts(self, address: str) -> bool:
        """Whether this is one of our proxies, whose word on who asks is taken."""
        parsed = parse(address)
        return parsed is not None and any(parsed in network for network in self.proxies)

    def grant(self, act: Act, place: Place) -> Grant:
        if place is Place.MACHINE:
            return act.machine
        return act.classroom if place is Place.CLASSROOM else act.elsewhere


@lru_cache(maxsize=4096)
def parse(text: str) -> IPAddress | None:
    """An address; an IPv4 one where it comes wrapped in IPv6. None if it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def counted_as(address: str) -> Hashable:
    """What an address is counted as: an IPv6 host has 2**64 of them, which are one here."""
    parsed = parse(address)
    if parsed is None:
        return address
    return (6, int(parsed) >> 64) if parsed.version == 6 else (4, int(parsed))


def _networks(name: str, values: Sequence[str]) -> tuple[Network, ...]:
    found: list[Network] = []
    for value in values:
        try:
            words = LAN_NETWORKS if value.lower() == LAN else (value,)
            found += [ipaddress.ip_network(word) for word in words]
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {error}") from error
    return tuple(found)
