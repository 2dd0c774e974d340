"""Who answers at an address: a node of our kind, an old one, this node itself, or one we know by
another address.

Nobody proves an identity on these networks, and an identifier can be copied. So two addresses are
one node only if what is whispered into one is heard at the other (`probe`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from ledger.consensus import DIALECTS, Network
from ledger.consensus.dialects import MAX_DIFFICULTY

from . import client
from .client import PeerFailed

SOFTWARE: Final = "chainsite"
CAPABILITIES: Final = ("blocks", "transactions", "addresses", "announcements")
NODE: Final = "/api/v1/node"
PROBE: Final = "/api/v1/network/probe"

_ANY_STATUS: Final = range(100, 600)
_BUSY: Final = (429, 503)
_SHARE: Final = 0.5  # of the time a visit has, for finding out who is visited


@dataclass(frozen=True, slots=True)
class Position:
    """A block by its place: index (0: before the genesis) and hash."""

    index: int
    hash: str


@dataclass(frozen=True, slots=True)
class Description:
    """What a node of our kind says of itself. Claims, but for `latency` (seconds) and `own_host`,
    the address of ours that it was asked from."""

    identifier: str
    version: str
    capabilities: tuple[str, ...]
    dialect: str
    difficulty: int
    tip: Position
    newest: int
    latency: float
    own_host: str

    @property
    def speaks(self) -> str:
        return f"{self.dialect}, difficulty {self.difficulty}"

    def is_of(self, network: Network) -> bool:
        return (self.dialect, self.difficulty) == (network.dialect.name, network.difficulty)


def look(address: str, token: str, *, policy: str, deadline: float) -> Description | None:
    """Ask who is there, showing `token`. None if it is no node of our kind, as far as can be seen.

    Raises `PeerFailed` where nobody can be reached, or somebody has no time now.
    """
    path = f"{NODE}?{urlencode({'probe': token})}"
    with client.ask(
        address, path, policy=policy, deadline=deadline * _SHARE, accept=_ANY_STATUS
    ) as answer:
        if answer.status in _BUSY:
            raise PeerFailed(f"it answered {answer.status} to GET {NODE}")
        if answer.status != 200:
            return None
        try:
            values = client.read_json(answer)
            return _description(values, answer.latency, answer.own_host)
        except (PeerFailed, ValueError):
            return None


def heard(address: str, token: str, *, policy: str, deadline: float) -> bool:
    """Whether the node at `address` was shown `token` within the last minute."""
    path = f"{PROBE}?{urlencode({'token': token})}"
    try:
        with client.ask(address, path, policy=policy, deadline=deadline * _SHARE) as answer:
            return client.read_json(answer).get("seen") is True
    except PeerFailed:
        return False


def new_token() -> str:
    return secrets.token_hex(16)


def position(value: Any) -> Position:
    """A block's place as peers write it. Raises `ValueError`."""
    if isinstance(value, dict):
        index, digest = value.get("index"), value.get("hash")
        if type(index) is int and 0 <= index < 2**53 and (index == 0) == (digest is None):
            if digest is None:
                return Position(0, "")
            if is_hash(digest):
                return Position(index, digest)
    raise ValueError("not a block's place")


def is_hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and not value.strip("0123456789abcdef")


def number(value: Any) -> int:
    """A count or sequence number. Raises `ValueError`."""
    if type(value) is int and 0 <= value < 2**53:
        return value
    raise ValueError("not a number")


def _description(values: dict[str, Any], latency: float, own_host: str) -> Description:
    if values.get("software") != SOFTWARE:
        raise ValueError("other software")
    network, pool = values.get("network"), values.get("pool")
    if not isinstance(network, dict) or not isinstance(pool, dict):
        raise ValueError("incomplete")
    dialect, difficulty = network.get("dialect"), number(network.get("difficulty"))
    if dialect not in DIALECTS or difficulty > MAX_DIFFICULTY:
        raise ValueError("no network that can be")
    capabilities = values.get("capabilities")
    named = capabilities if isinstance(capabilities, list) else []
    return Description(
        identifier=word(values.get("identifier"), 64),
        version=word(values.get("version"), 40),
        capabilities=tuple(name for name in CAPABILITIES if name in named),
        dialect=dialect,
        difficulty=difficulty,
        tip=position(values.get("tip")),
        newest=number(pool.get("newest")),
        latency=latency,
        own_host=own_host,
    )


def word(value: Any, longest: int) -> str:
    """A name without spaces, in printable ASCII. Raises `ValueError`."""
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise ValueError("not a name")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("not a name")
    return value
