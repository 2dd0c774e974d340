"""A node's answers as the picture needs them.

Any node can be watched, and any program can answer at its address. So nothing is taken for granted
here: others' words come out with nothing hidden in them, so that they cannot speak to the terminal,
and whatever else is not as it has to be raises one of `STRANGE`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ledger import wording
from ledger.hidden import visible
from ledger.node import events

Object = dict[str, Any]

STRANGE: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError)
_LONGEST: Final = 300  # characters of others' words


@dataclass(frozen=True, slots=True)
class Node:
    """Who is watched."""

    identifier: str
    version: str
    network: str


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest block; `at` is None where its timestamp is none a calendar has."""

    index: int
    hash: str
    at: datetime | None
    transactions: int
    came: str


@dataclass(frozen=True, slots=True)
class Search:
    """The search under way; `index` is None when there is none. `rate` is tries a second."""

    index: int | None
    tries: int
    rate: float
    waiting: int


@dataclass(frozen=True, slots=True)
class Peer:
    """One row of the table. `latency` is seconds, None if it never answered."""

    address: str
    relation: str
    stands: str
    length: int | None
    latency: float | None
    failure: str
    failed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Peers:
    """All of them, and how they stand in words."""

    rows: tuple[Peer, ...]
    standing: str


@dataclass(frozen=True, slots=True)
class Line:
    """An event. `tone` is good, back, bad or nothing."""

    clock: str
    tone: str
    did: str
    what: str


def node(said: Object) -> Node:
    network = said["network"]
    return Node(
        _text(said["identifier"]),
        _text(said["version"]),
        f"{_text(network['dialect'])}, difficulty {int(network['difficulty'])}",
    )


def tip(said: Object) -> Tip:
    return Tip(
        int(said["index"]),
        _text(said["hash"]),
        wording.moment(said["timestamp"]),
        int(said["transactions"]),
        _text(wording.came_from(said["origin"], said["source"])),
    )


def search(said: Object) -> Search:
    index = said["searching"]
    return Search(
        None if index is None else int(index),
        int(said["tries"]),
        min(float(said["rate"]), 1e15),
        int(said["waiting"]),
    )


def peers(said: Object) -> Peers:
    return Peers(tuple(map(_peer, said["peers"])), wording.synced(said["counts"]))


def _peer(said: Object) -> Peer:
    length, latency = said["length"], said["latency"]
    return Peer(
        _text(said["address"]),
        said["relation"],
        wording.related(said["relation"], said["difference"]),
        None if length is None else int(length),
        None if latency is None else float(latency),
        _text(said["failure"]),
        wording.moment(said["last_failure_at"]),
    )


def line(said: Object) -> Line:
    """An event in one line; of one that is not known here, its kind."""
    kind, at = said["kind"], wording.moment(said["at"])
    try:
        told = _told(kind, said["data"])
    except STRANGE:
        told = {"tone": "", "did": str(kind), "what": "", "who": "", "why": ""}
    what = " ".join(filter(None, (told["what"], str(told["who"]))))
    why = f" ({told['why']})" if told["why"] else ""
    clock = wording.clock(at).removesuffix(" UTC") if at else ""
    return Line(clock, told["tone"], _text(told["did"]), _text(what + why))


def _told(kind: str, data: Object) -> dict[str, str]:
    if kind == events.TRANSACTION:  # the pages have a list of their own for these
        amount = wording.grouped(data["amount"])
        what = f"{amount} from {data['sender']} to {data['recipient']}"
        return {"tone": "", "did": "Sent", "what": what, "who": "", "why": ""}
    if kind not in events.KINDS:
        raise KeyError(kind)
    return wording.told(kind, data)


def _text(words: object) -> str:
    return visible(str(words)[:_LONGEST])
