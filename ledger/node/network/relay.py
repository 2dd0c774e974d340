"""Fetching the transactions that a peer of our kind knows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from ..conf import NodeConf
from ..relayed import MOST, STATES, Batch, Intake, Line, Taken, newest_release
from ..writer import Writer
from . import client
from .client import Answer, PeerFailed

PATH: Final = "/api/v1/network/transactions"
_LONGEST: Final = 8 * 1024  # bytes of a line: two names of 256 characters, each escaped
_LARGEST: Final = 2**63 - 1
_AT_ONCE: Final = 200  # to one turn of the writer: others wait for it
_ROUNDS: Final = 50  # requests to one visit; the rest is for the next


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a peer has told: the number of the last it told of, and what was released here when
    it was asked for all that waits. Not worth keeping over a restart: a new one asks for all."""

    after: int = 0
    released: int = 0


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a visit brought. `is_behind`: the peer is on a block that is not known here, and has to
    be caught up with first. `faults` are the peer's, one for each transaction that was refused."""

    cursor: Cursor
    entered: int = 0
    is_behind: bool = False
    faults: tuple[str, ...] = ()


class Puller:
    """Remembers how far each peer has told. Safe from several threads, for one peer at a time."""

    def __init__(self, intake: Intake, writer: Writer, conf: NodeConf) -> None:
        self._intake = intake
        self._writer = writer
        self._conf = conf
        self._cursors: dict[str, Cursor] = {}

    def pull(self, address: str, newest: int) -> Pulled | None:
        """Fetch what a peer knows, whose newest entry has that number; None if there is nothing to
        fetch. Raises as `pull` does."""
        cursor = self._cursors.get(address, Cursor())
        if newest == cursor.after and newest_release() <= cursor.released:
            return None
        pulled = pull(address, cursor, self._intake, self._writer, self._conf)
        self._cursors[address] = pulled.cursor
        return pulled


def pull(address: str, cursor: Cursor, intake: Intake, writer: Writer, conf: NodeConf) -> Pulled:
    """Fetch and take what a peer knows and has not told yet, up to a bound.

    Raises `PeerFailed`, and what the writer raises; what was taken until then stays taken.
    """
    done = Pulled(cursor)
    for _ in range(_ROUNDS):
        batch = fetch(address, done.cursor.after, conf)
        if batch.newest < done.cursor.after:  # it began anew, and counts from 1
            done = replace(done, cursor=Cursor())
            continue
        upto, done = _take(batch, address, done, intake, writer)
        if upto is not None:
            done = replace(done, cursor=replace(done.cursor, after=upto))
        if upto != batch.newest or len(batch.lines) < MOST:
            break
    return done if done.is_behind else _ask_again(address, done, intake, writer, conf)


def _ask_again(
    address: str, done: Pulled, intake: Intake, writer: Writer, conf: NodeConf
) -> Pulled:
    """Ask for all that waits, if something was released here since the last time.

    It may have been told of before, when the chain still had it here.
    """
    released, after = newest_release(), 0
    if released <= done.cursor.released:
        return done
    for _ in range(_ROUNDS):
        batch = fetch(address, after, conf, only_waiting=True)
        upto, done = _take(batch, address, done, intake, writer)
        if upto != batch.newest:
            return done
        if len(batch.lines) < MOST:
            return replace(done, cursor=replace(done.cursor, released=released))
        after = upto
    return done


def _take(
    batch: Batch, address: str, done: Pulled, intake: Intake, writer: Writer
) -> tuple[int | None, Pulled]:
    """Take a batch in portions; answer up to which number, None if not at all."""
    upto: int | None = None
    for start in range(0, max(1, len(batch.lines)), _AT_ONCE):
        lines = batch.lines[start : start + _AT_ONCE]
        is_last = start + _AT_ONCE >= len(batch.lines)
        newest = batch.newest if is_last else lines[-1].entered
        portion = replace(batch, newest=newest, lines=lines)
        taken: Taken = writer.run(partial(intake.take, portion, address))
        if taken.upto is None:
            return upto, replace(done, is_behind=True)
        upto = taken.upto
        done = replace(
            done, entered=done.entered + taken.entered, faults=(*done.faults, *taken.faults)
        )
        if upto < newest:
            break
    return upto, done


def fetch(address: str, after: int, conf: NodeConf, *, only_waiting: bool = False) -> Batch:
    """What a peer knows that entered after number `after`, or of that what waits.

    Raises `PeerFailed` for what is not such an answer.
    """
    path = f"{PATH}?after={after}" + ("&only=waiting" if only_waiting else "")
    with client.ask(address, path, policy=conf.peer_policy, deadline=conf.peer_deadline) as answer:
        lines = _values(answer)
        head = next(lines, None)
        if head is None:
            raise PeerFailed("its answer ends in the middle")
        told = tuple(_lines(lines, after))
    tip = head.get("tip")
    if not isinstance(tip, dict) or type(tip.get("hash")) is not str or len(tip["hash"]) != 64:
        raise PeerFailed("it does not say on which tip it stands")
    index, newest = _integer(tip, "index", 1), _integer(head, "newest", 0)
    if told and newest < told[-1].entered:
        raise PeerFailed("it numbers its transactions out of order")
    if any(line.floor > index for line in told):
        raise PeerFailed("it acknowledged a transaction above its own tip")
    return Batch(index, tip["hash"], newest, told)


def _values(answer: Answer) -> Iterator[dict[str, Any]]:
    for line in client.lines(answer, longest=_LONGEST, limit=(MOST + 1) * _LONGEST):
        yield client.read_json(replace(answer, pieces=iter((line,))))


def _lines(values: Iterator[dict[str, Any]], after: int) -> Iterator[Line]:
    names, last = set[uuid.UUID](), after
    limit = MOST
    for count, value in enumerate(values, 1):
        if count > limit:
            raise PeerFailed(f"it sends over {limit} transactions at once")
        line = _line(value)
        if line.entered <= last:
            raise PeerFailed("it numbers its transactions out of order")
        if line.uid in names:
            raise PeerFailed("it names two transactions alike")
        last = line.entered
        names.add(line.uid)
        yield line


def _line(value: dict[str, Any]) -> Line:
    try:
        name = uuid.UUID(value["uid"])
        content = {key: value[key] for key in ("sender", "recipient", "amount")}
        is_known = str(name) == value["uid"] and value["state"] in STATES
    except (KeyError, ValueError, AttributeError, TypeError):
        is_known = False
    if not is_known:
        raise PeerFailed("it sends what is no transaction")
    return Line(
        _integer(value, "entered", 1), name, content, _integer(value, "floor", 0), value["state"]
    )


def _integer(value: dict[str, Any], key: str, lowest: int) -> int:
    number = value.get(key)
    if type(number) is not int or not lowest <= number <= _LARGEST:
        raise PeerFailed("it counts with what is no number")
    return number
