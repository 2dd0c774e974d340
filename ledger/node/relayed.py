"""Transactions of other nodes: what this node tells peers of those it knows, and takes from them.

Peers tell all they know, not only what waits; `matching` says why that has to be so.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Max
from django.utils import timezone

from ledger.consensus import Network
from ledger.consensus.policy import submission_faults
from ledger.models import Block, Tip, Transaction

from . import chainstate, events, matching, mempool
from .mempool import Content, State

MOST: Final = 2000
"""Transactions told of at once."""

WAITING: Final = "waiting"
_TOLD: Final = {
    State.PENDING: WAITING,
    State.RETURNED: WAITING,
    State.CONFIRMED: "confirmed",
    State.RELEASED: "released",
}
STATES: Final = frozenset(_TOLD.values())
_CHUNK: Final = 500
_FIELDS: Final = ("entered", "uid", "sender", "recipient", "amount", "floor", "state")


@dataclass(frozen=True, slots=True)
class Line:
    """One transaction as a node tells of it. `values` has the three keys; they are not judged yet.
    `floor` is an index of the teller's chain, as `Transaction.floor`."""

    entered: int
    uid: uuid.UUID
    values: Mapping[str, Any]
    floor: int
    state: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What a node told, as of its tip. `newest` is the number to ask on from."""

    index: int
    tip: str
    newest: int
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch. `upto` is the number up to which it was taken, which is less than all
    of it where the pool has no room for more of others; None where its tip is not known here: then
    nothing was taken. `faults` say which transactions no node of ours would have acknowledged."""

    upto: int | None
    entered: int = 0
    faults: tuple[str, ...] = ()


def told(after: int, *, only_waiting: bool = False, most: int = MOST) -> Batch:
    """What this node knows that entered after number `after`, in that order: all of it that was not
    refused, or what waits. Read it within one moment (`reading`)."""
    tip = Tip.objects.select_related("block").defer("block__canonical").get(pk=1)
    rows: list[tuple[Any, ...]]
    if only_waiting:  # the pool is small, and its index has another order
        rows = sorted(Transaction.objects.waiting().values_list(*_FIELDS))
        rows = [row for row in rows if row[0] > after][:most]
    else:
        known = Transaction.objects.filter(entered__gt=after).exclude(state=State.REFUSED)
        rows = list(known.order_by("entered").values_list(*_FIELDS)[:most])
    lines = [
        Line(
            entered,
            uid,
            {"sender": sender, "recipient": recipient, "amount": amount},
            floor,
            _TOLD[State(state)],
        )
        for entered, uid, sender, recipient, amount, floor, state in rows
    ]
    newest = lines[-1].entered if len(lines) == most else mempool.next_number() - 1
    return Batch(tip.index, tip.block.hash, newest, lines)


def newest_release() -> int:
    """The number of the transaction that was released last, of those still released; 0 for none.

    Whoever keeps it sees that there is reason to ask peers again for all that waits.
    """
    found = Transaction.objects.released().aggregate(newest=Max("entered"))
    return found["newest"] or 0


class Intake:
    """Takes what peers tell; the limits are this node's policy. Of the pool, transactions of others
    may fill one half: so they never keep our own clients out."""

    def __init__(self, network: Network, *, transactions: int, size: int) -> None:
        self._network = network
        self._transactions = transactions
        self._size = size

    def take(self, batch: Batch, peer: str) -> Taken:
        """Take what a peer told, in the transaction under way."""
        tip = Block.objects.filter(hash=batch.tip).defer("canonical").first()
        if tip is None:
            return Taken(None)
        taking = _Taking(self._network, chainstate.fork_index(tip), peer, self._room())
        taking.prepare(batch.lines)
        upto = batch.newest
        for line in batch.lines:
            if not taking.takes(line):
                upto = line.entered - 1
                break
        return Taken(upto, taking.write(), tuple(taking.faults))

    def _room(self) -> _Room:
        count, size = mempool.pool_size()
        others = Transaction.objects.waiting().exclude(relayed_by="").values_list("size", flat=True)
        sizes = list(others)
        return _Room(
            min(self._transactions // 2 - len(sizes), self._transactions - count),
            min(self._size // 2 - sum(sizes), self._size - size),
        )


@dataclass(slots=True)
class _Room:
    transactions: int
    size: int

    def takes(self, size: int) -> bool:
        if self.transactions < 1 or self.size < size:
            return False
        self.transactions, self.size = self.transactions - 1, self.size - size
        return True


class _Taking:
    """One batch on its way into the database."""

    def __init__(self, network: Network, fork_index: int, peer: str, room: _Room) -> None:
        self.faults: list[str] = []
        self._network = network
        self._fork_index = fork_index
        self._peer = peer
        self._room = room
        self._new: list[Transaction] = []
        self._entries: list[int | None] = []
        self._woken: list[Transaction] = []

    def prepare(self, lines: Sequence[Line]) -> None:
        """Read what is known here of these, and where to look for the others."""
        self._known: dict[uuid.UUID, Transaction] = {}
        for start in range(0, len(lines), _CHUNK):
            uids = [line.uid for line in lines[start : start + _CHUNK]]
            rows = Transaction.objects.filter(uid__in=uids)
            self._known.update((row.uid, row) for row in rows)
        self._released: dict[Content, list[Transaction]] = {}
        for row in Transaction.objects.released().order_by("entered"):
            self._released.setdefault(_content(row), []).append(row)
        unknown = [line.values for line in lines if line.uid not in self._known]
        names = [value[key] for value in unknown for key in ("sender", "recipient")]
        self._free = matching.FreeEntries(name for name in names if type(name) is str)

    def takes(self, line: Line) -> bool:
        """Take one, if it is to be taken; False where there is no room for it."""
        known = self._known.get(line.uid)
        if known is None:
            return self._takes_unknown(line)
        # What is confirmed here may be so by an entry that the peer takes for another like it.
        if line.state == WAITING and known.state in (State.RELEASED, State.CONFIRMED):
            return self._wakes(_content(known))
        return True

    def _takes_unknown(self, line: Line) -> bool:
        faults = submission_faults(line.values, self._network)
        if faults:
            self.faults.append(f"transaction {line.uid}: {'; '.join(faults)}")
            return True
        content = (line.values["sender"], line.values["recipient"], line.values["amount"])
        floor = min(line.floor, self._fork_index)
        size = mempool.bytes_of(content, self._network)
        entry = self._free.take(content, floor)
        state = State.PENDING
        if entry is not None:
            state = State.CONFIRMED
        elif line.state == State.RELEASED and not mempool.acknowledged_here({content}, set()):
            state = State.RELEASED
        elif not self._room.takes(size):
            return False
        self._entries.append(entry)
        self._new.append(
            Transaction(
                uid=line.uid,
                sender=content[0],
                recipient=content[1],
                amount=content[2],
                size=size,
                state=state,
                relayed_by=self._peer,
                floor=floor,
            )
        )
        return True

    def _wakes(self, content: Content) -> bool:
        """Somebody says that one of this content waits: so do those that were released here."""
        rows = self._released.get(content, [])
        while rows:
            if not self._room.takes(rows[0].size):
                return False
            self._woken.append(rows.pop(0))
        return True

    def write(self) -> int:
        """Store what was taken; answer how many entered the pool."""
        mempool.enter([row.pk for row in self._woken], State.PENDING)
        number, now = mempool.next_number(), timezone.now()
        index = Tip.objects.values_list("index", flat=True).get(pk=1) + 1
        for place, row in enumerate(self._new):
            row.entered, row.promised_index, row.submitted_at = number + place, index, now
        created = Transaction.objects.bulk_create(self._new)
        found = zip(created, self._entries, strict=True)
        matching.link((row.pk, entry) for row, entry in found if entry is not None)
        for row in self._woken:
            row.state = State.PENDING
        entered = [row for row in (*self._woken, *created) if row.state == State.PENDING]
        events.record_all(events.TRANSACTION, [mempool.describe(row) for row in entered])
        return len(entered)


def _content(row: Transaction) -> Content:
    return (row.sender, row.recipient, row.amount)
