"""The pool: transactions this node acknowledged that no active block includes yet.

Submissions come in groups from the writer. What a reorganisation does to the pool is also here:
transactions come back to it, or are found again on the new branch. The protocol gives transactions
no identity, so they are found by content, one for one: of two identical submissions and one
identical entry on the branch, the older is confirmed and the younger waits.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from django.db import connection
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from ledger.consensus import Network
from ledger.consensus.policy import submission_faults
from ledger.models import Block, Inclusion, Tip, Transaction

from . import events
from .errors import KeyReused, NotAccepted, Overloaded

State = Transaction.State
IN_POOL: Final = (State.PENDING, State.RETURNED)
_CHUNK: Final = 500
_CONTENT: Final = ("sender__name", "recipient__name", "amount")

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
        self._transactions = transactions
        self._size = size

    def accept(self, submissions: Sequence[Submission]) -> list[Acknowledgement | Exception]:
        """Take in what fits, in order; an answer or an exception for each. For the writer."""
        index = Tip.objects.get(pk=1).index + 1
        count, size = pool_size()
        known = _acknowledged(s.idempotency_key for s in submissions if s.idempotency_key)
        now = timezone.now()
        rows: list[Transaction] = []
        answers: list[Acknowledgement | Exception] = []
        for submission in submissions:
            key = submission.idempotency_key
            if key and (earlier := known.get(key)):
                answers.append(_same(earlier, submission))
                continue
            bytes_taken = self._bytes(submission)
            if count >= self._transactions or size + bytes_taken > self._size:
                answers.append(
                    Overloaded(f"the pool is full ({count} transactions)", retry_after=5)
                )
                continue
            row = Transaction(
                uid=uuid.uuid4(),
                sender=submission.sender,
                recipient=submission.recipient,
                amount=submission.amount,
                size=bytes_taken,
                promised_index=index,
                idempotency_key=key,
                submitted_at=now,
            )
            count, size = count + 1, size + bytes_taken
            rows.append(row)
            if key:
                known[key] = row
            answers.append(Acknowledgement(row.uid, index))
        Transaction.objects.bulk_create(rows)
        events.record_all(events.TRANSACTION, [describe(row) for row in rows])
        return answers

    def _bytes(self, submission: Submission) -> int:
        value = dict(zip(("sender", "recipient", "amount"), submission.content, strict=True))
        return len(self._network.canonical(value).encode()) + 2  # and the comma after it


def pool() -> QuerySet[Transaction]:
    """The pool, in order of arrival."""
    return Transaction.objects.filter(state__in=IN_POOL).order_by("pk")


def pool_size() -> tuple[int, int]:
    """How many transactions wait, and how many bytes they would take in a block."""
    sums = pool().order_by().aggregate(count=Count("pk"), size=Sum("size"))
    return sums["count"], sums["size"] or 0


def describe(row: Transaction) -> dict[str, Any]:
    """A transaction as events and pages speak of it."""
    return {
        "id": str(row.uid),
        "sender": row.sender,
        "recipient": row.recipient,
        "amount": str(row.amount),
        "state": row.state,
    }


def set_state(pks: Iterable[int], state: str) -> None:
    wanted = sorted(pks)
    for start in range(0, len(wanted), _CHUNK):
        Transaction.objects.filter(pk__in=wanted[start : start + _CHUNK]).update(
            state=state, reason=""
        )


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


def return_to_pool(pks: set[int]) -> None:
    """What a reorganisation left without a block waits again."""
    set_state(pks, State.RETURNED)


def match_with_blocks_above(index: int, undone: set[int]) -> set[int]:
    """Find our unconfirmed transactions on the newly connected blocks, and confirm those found.

    `undone` are those whose block was just disconnected; with the pool they are the candidates,
    oldest first. Each entry of a block stands for one of them at most.
    """
    waiting: dict[Content, list[int]] = defaultdict(list)
    for pk, sender, recipient, amount in _candidates(undone):
        waiting[sender, recipient, amount].append(pk)
    if not waiting:
        return set()
    floors = _floors(index, [pk for pks in waiting.values() for pk in pks])
    pairs = list(_pairs(waiting, index, floors))
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE ledger_inclusion SET transaction_id = %s WHERE id = %s", pairs)
    found = {pk for pk, _ in pairs}
    set_state(found, State.CONFIRMED)
    return found


def _pairs(
    waiting: Mapping[Content, list[int]], index: int, floors: Mapping[int, int]
) -> Iterator[tuple[int, int]]:
    """Transactions, the oldest first, with the entries above `index` that stand for them.

    The entries are gone through, not the transactions: a full pool costs a short branch nothing.
    """
    entries = (
        Inclusion.objects.filter(
            block__active__index__gt=index, transaction__isnull=True, irregular=""
        )
        .order_by("index", "position")
        .values_list("block", "index", "position", "pk", *_CONTENT)
    )
    for block, group in groupby(entries.iterator(chunk_size=2000), key=itemgetter(0)):
        values: list[dict[str, Any]] = []
        for _, at, position, entry, *content in group:
            pks = waiting.get(tuple(content), [])
            place = next((place for place, pk in enumerate(pks) if floors.get(pk, 0) < at), None)
            if place is None:
                continue
            values = values or _transactions_of(block)
            if _is_plain(values[position]):
                yield pks.pop(place), entry


_STALE_ABOVE: Final = """
    WITH RECURSIVE stale("index", hash, parent_hash) AS (
        SELECT "index", hash, parent_hash FROM ledger_block WHERE id IN ({marks})
        UNION
        SELECT b."index", b.hash, b.parent_hash
        FROM stale JOIN ledger_block b ON b.hash = stale.parent_hash
        WHERE b."index" > %s
          AND NOT EXISTS (SELECT 1 FROM ledger_activeblock a WHERE a.block_id = b.id)
    )
    SELECT "index", hash, parent_hash FROM stale
"""


def _floors(index: int, pks: Sequence[int]) -> dict[int, int]:
    """The last active block, if it is above `index`, under the stale blocks that include them.

    Down there an entry with the same content is somebody else's: the transaction came later on the
    same branch. If it stood for ours, ours would be confirmed twice when that branch comes back.
    """
    included: list[tuple[int, int, str]] = []
    for start in range(0, len(pks), _CHUNK):
        included += Inclusion.objects.filter(
            transaction__in=pks[start : start + _CHUNK], index__gt=index, block__active=None
        ).values_list("transaction_id", "block_id", "block__hash")
    blocks = sorted({block for _, block, _ in included})
    stale = set[tuple[int, str, str | None]]()
    for start in range(0, len(blocks), _CHUNK):
        chunk = blocks[start : start + _CHUNK]
        with connection.cursor() as cursor:
            marks = ", ".join(["%s"] * len(chunk))
            cursor.execute(_STALE_ABOVE.format(marks=marks), [*chunk, index])
            stale.update(cursor.fetchall())
    under: dict[str | None, int] = {}
    for at, digest, parent in sorted(stale, key=itemgetter(0)):
        under[digest] = under.get(parent, at - 1)
    floors: dict[int, int] = defaultdict(int)
    for pk, _, digest in included:
        floors[pk] = max(floors[pk], under[digest])
    return floors


def _candidates(undone: set[int]) -> list[tuple[int, str, str, int]]:
    fields = ("pk", "sender", "recipient", "amount")
    rows = list(pool().values_list(*fields))
    wanted = sorted(undone)
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        rows += Transaction.objects.filter(pk__in=chunk).values_list(*fields)
    return sorted(rows)


def _transactions_of(block: int) -> list[dict[str, Any]]:
    text = Block.objects.values_list("canonical", flat=True).get(pk=block)
    values: list[dict[str, Any]] = json.loads(text)["transactions"]
    return values


def _is_plain(value: dict[str, Any]) -> bool:
    """Whether it has no keys beside the three: with another one it is not what we acknowledged."""
    return len(value) == 3


def _acknowledged(keys: Iterable[str]) -> dict[str, Transaction]:
    rows = Transaction.objects.filter(idempotency_key__in=set(keys))
    return {row.idempotency_key: row for row in rows if row.idempotency_key}


def _same(earlier: Transaction, submission: Submission) -> Acknowledgement | KeyReused:
    if (earlier.sender, earlier.recipient, earlier.amount) != submission.content:
        return KeyReused("this Idempotency-Key came before with another transaction")
    return Acknowledgement(earlier.uid, earlier.promised_index)
