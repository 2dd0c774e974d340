"""The pool: transactions this node or a peer acknowledged that no active block includes yet.

Submissions come in groups from the writer; those of peers come through `relayed`. What is put back
after a reorganisation is also here; which entries of blocks stand for which transaction is told by
`matching`.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from ledger.consensus import Network
from ledger.consensus.policy import submission_faults
from ledger.models import Transaction

from . import events
from .errors import KeyReused, NotAccepted, Overloaded
from .pool_count import PoolCount, Standing
from .pool_count import next_number as next_number
from .pool_count import pool_size as pool_size
from .rows import insert

State = Transaction.State
IN_POOL: Final = (State.PENDING, State.RETURNED)
_CHUNK: Final = 500
_DICE: Final = 0xFFF << 64 | (1 << 62) - 1  # bits of a UUID of version 7 that are random

Content = tuple[str, str, int]
"""Sender, recipient, amount: all that tells two transactions apart on the wire."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A transaction as it came to the door. Its values are judged by `checked`."""

    sender: str
    recipient: str
    amount: int
    idempotency_key: str | None = None

    @property
    def content(self) -> Content:
        return (self.sender, self.recipient, self.amount)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What was promised: the transaction's local id, and the block it should be in."""

    uid: uuid.UUID
    index: int


_Earlier = tuple[Content, Acknowledgement]


def checked(
    values: Mapping[str, Any], network: Network, idempotency_key: str | None = None
) -> Submission:
    """The submission in `values`, which has the three keys.

    Raises `NotAccepted` with all faults.
    """
    faults = submission_faults(values, network)
    if faults:
        raise NotAccepted(*faults)
    return Submission(values["sender"], values["recipient"], values["amount"], idempotency_key)


class Door:
    """Where submissions are taken in, in groups; the limits are this node's policy."""

    def __init__(self, network: Network, *, transactions: int, size: int) -> None:
        self._network = network
        self._count = PoolCount(transactions=transactions, size=size)

    def accept(self, submissions: Sequence[Submission]) -> list[Acknowledgement | Exception]:
        """Take in what fits, in order; an answer or an exception for each. For the writer."""
        sizes = [bytes_of(submission.content, self._network) for submission in submissions]
        standing = self._count.standing(len(sizes), sum(sizes))
        known = _acknowledged({s.idempotency_key for s in submissions if s.idempotency_key})
        uids = _new_uids(len(submissions))
        rows: list[tuple[Any, ...]] = []
        told: list[dict[str, Any]] = []
        answers: list[Acknowledgement | Exception] = []
        for at, submission in enumerate(submissions):
            key = submission.idempotency_key
            if key and (earlier := known.get(key)):
                answers.append(_same(earlier, submission))
                continue
            size = sizes[at]
            if not self._count.has_room(standing, 1, size):
                answers.append(
                    Overloaded(f"the pool is full ({standing.count} transactions)", retry_after=5)
                )
                continue
            uid = uids[at]
            rows.append((uid, *submission.content, size, key, standing.number))
            told.append(_described(uid, submission.content, State.PENDING.value))
            standing.add(1, size)
            standing.number += 1
            answer = Acknowledgement(uid, standing.index)
            answers.append(answer)
            if key:
                known[key] = (submission.content, answer)
        self._store(rows, told, standing)
        return answers

    def _store(
        self, rows: list[tuple[Any, ...]], told: list[dict[str, Any]], standing: Standing
    ) -> None:
        insert(
            Transaction,
            ("uid", "sender", "recipient", "amount", "size", "idempotency_key", "entered"),
            rows,
            state=State.PENDING.value,
            reason="",
            promised_index=standing.index,
            submitted_at=timezone.now(),
            relayed_by="",
            floor=standing.index - 1,
        )
        events.record_all(events.TRANSACTION, told)
        self._count.remember(standing)


def _new_uids(count: int) -> list[uuid.UUID]:
    """Names that nobody can guess: UUIDs of version 7, which begin with the time in milliseconds.

    So their index grows at its end. Random ones would lie anywhere in it, and each write a page.
    """
    head = time.time_ns() // 10**6 << 80 | 7 << 76 | 2 << 62
    dice = os.urandom(10 * count)  # at once: each time gives up the interpreter
    return [
        uuid.UUID(int=head | int.from_bytes(dice[10 * at : 10 * at + 10]) & _DICE)
        for at in range(count)
    ]


def bytes_of(content: Content, network: Network) -> int:
    """What a transaction takes in a block."""
    value = dict(zip(("sender", "recipient", "amount"), content, strict=True))
    return len(network.canonical(value).encode()) + 2  # and the comma after it


def pool() -> QuerySet[Transaction]:
    """The pool, in order of arrival."""
    return Transaction.objects.waiting().order_by("pk")


def describe(row: Transaction) -> dict[str, Any]:
    """A transaction as events and pages speak of it."""
    told = _described(row.uid, (row.sender, row.recipient, row.amount), row.state)
    return told | ({"relayed": True} if row.relayed_by else {})


def _described(uid: uuid.UUID, content: Content, state: str) -> dict[str, Any]:
    sender, recipient, amount = content
    return {
        "id": str(uid),
        "sender": sender,
        "recipient": recipient,
        "amount": str(amount),
        "state": state,
    }


def set_state(pks: Iterable[int], state: str) -> None:
    for chunk in _chunks(set(pks)):
        Transaction.objects.filter(pk__in=chunk).update(state=state, reason="")


def drop(uid: str, reason: str) -> uuid.UUID:
    """Refuse a transaction that waits, in the transaction under way.

    Raises `NotAccepted` for an unknown id and for one that does not wait.
    """
    try:
        row = Transaction.objects.get(uid=uuid.UUID(uid.strip()))
    except (ValueError, Transaction.DoesNotExist):
        raise NotAccepted(f"there is no transaction with the id {uid.strip()[:64]!a}") from None
    if row.state not in IN_POOL:
        why = f": {row.reason}" if row.reason else ""
        raise NotAccepted(f"the transaction does not wait in the pool, it is {row.state}{why}")
    Transaction.objects.filter(pk=row.pk).update(state=State.REFUSED, reason=reason)
    events.record_act("drop-transaction", str(row.uid), reason=reason)
    return row.uid


def put_back(pks: set[int]) -> tuple[set[int], set[int]]:
    """What a reorganisation left without a block: our own waits again, what peers acknowledged is
    released. Answer which were returned, and which released.

    A peer's is returned too where one of our own has the same content: which of the two the chain
    holds is nobody's to tell, so it may be ours that it lacks.
    """
    others = list(_contents(pks, relayed=True))
    alike = acknowledged_here({content for _, content in others}, pks) if others else set()
    released = {pk for pk, content in others if content not in alike}
    returned = pks - released
    enter(sorted(returned), State.RETURNED)
    enter(sorted(released), State.RELEASED)
    return returned, released


def enter(pks: Sequence[int], state: str) -> None:
    """Give transactions a state, and numbers in this order: peers hear of them anew."""
    numbers = range(number := next_number(), number + len(pks))
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE ledger_transaction SET state = %s, entered = %s WHERE id = %s",
            [(state, number, pk) for number, pk in zip(numbers, pks, strict=True)],
        )


def lower_floors(index: int, undone: set[int]) -> None:
    """The chain was left above `index`: nothing is known of what stands there now."""
    Transaction.objects.waiting().filter(floor__gt=index).update(floor=index)
    Transaction.objects.released().filter(floor__gt=index).update(floor=index)
    for chunk in _chunks(undone):
        Transaction.objects.filter(pk__in=chunk, floor__gt=index).update(floor=index)


_OWN_ON_CHAIN: Final = """
    SELECT 1 FROM ledger_inclusion i
    JOIN ledger_address s ON s.id = i.sender_id JOIN ledger_address r ON r.id = i.recipient_id
    JOIN ledger_transaction t ON t.id = i.transaction_id
    JOIN ledger_activeblock a ON a.block_id = i.block_id
    WHERE s.name = %s AND r.name = %s AND i.amount = %s AND t.relayed_by = '' LIMIT 1
"""


def acknowledged_here(contents: set[Content], undone: set[int]) -> set[Content]:
    """Which of these contents a transaction of our own has that waits, is in an active block or is
    among `undone`."""
    own = Transaction.objects.waiting().filter(relayed_by="")
    found = set(own.values_list("sender", "recipient", "amount"))
    found |= {content for _, content in _contents(undone, relayed=False)}
    found &= contents
    with connection.cursor() as cursor:
        for content in contents - found:
            cursor.execute(_OWN_ON_CHAIN, content)
            if cursor.fetchone():
                found.add(content)
    return found


def _contents(pks: set[int], *, relayed: bool) -> Iterable[tuple[int, Content]]:
    for chunk in _chunks(pks):
        rows = Transaction.objects.filter(pk__in=chunk)
        rows = rows.exclude(relayed_by="") if relayed else rows.filter(relayed_by="")
        for pk, sender, recipient, amount in rows.values_list(
            "pk", "sender", "recipient", "amount"
        ):
            yield pk, (sender, recipient, amount)


def _chunks(pks: set[int]) -> Iterable[list[int]]:
    wanted = sorted(pks)
    return (wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK))


def _acknowledged(keys: set[str]) -> dict[str, _Earlier]:
    if not keys:
        return {}
    rows = Transaction.objects.filter(idempotency_key__in=keys)
    return {
        row.idempotency_key: (
            (row.sender, row.recipient, row.amount),
            Acknowledgement(row.uid, row.promised_index),
        )
        for row in rows
        if row.idempotency_key
    }


def _same(earlier: _Earlier, submission: Submission) -> Acknowledgement | KeyReused:
    content, answer = earlier
    if content != submission.content:
        return KeyReused("this Idempotency-Key came before with another transaction")
    return answer
