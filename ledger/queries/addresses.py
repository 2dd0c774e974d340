"""Addresses: balance, history in pages, and the balance over time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from django.core import signing
from django.db.models import Q, QuerySet

from ledger.consensus.policy import name_fault
from ledger.models import Address, Inclusion, Transaction

LARGEST_PAGE: Final = 200
_CHUNK: Final = 200
_SIGNED: Final = signing.Signer(salt="ledger.history")

Place = tuple[int, int]
"""Index and position of an entry: what a page of a history continues behind."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One entry of a history. `change` is what it did to the balance; 0 where it is irregular."""

    inclusion: Inclusion
    change: int
    balance: int

    @property
    def place(self) -> Place:
        return (self.inclusion.index, self.inclusion.position)


@dataclass(frozen=True, slots=True)
class History:
    """A page of movements, newest first. `older` is where to go on, if there is more."""

    movements: Sequence[Movement]
    older: Place | None


def find(name: str) -> Address | None:
    if name_fault(name):
        return None  # nobody is called that, and a database may not even take the question
    return Address.objects.filter(name=name).first()


def history(
    address: Address, *, behind: tuple[int, int, int] | None = None, limit: int = 50
) -> History:
    """A page of the active chain's entries with an address.

    `behind` is index, position and balance of the last movement seen; without it, the newest ones
    come. The balance after each movement is counted down from there, so a page costs the same
    anywhere.
    """
    limit = max(1, min(limit, LARGEST_PAGE))
    place: Place | None = None
    balance = address.balance
    if behind is not None:
        place, balance = behind[:2], behind[2]
    movements = []
    for inclusion in islice(_entries(address, place), limit + 1):
        change = _change(inclusion, address)
        movements.append(Movement(inclusion, change, balance))
        balance -= change
    page = movements[:limit]
    return History(page, page[-1].place if len(movements) > limit else None)


def cursor(last: Movement, address: Address) -> str:
    """Where the page after this movement begins, in words for whoever asks. The balance there is
    taken along, signed: to count it again would cost more the further back a page lies."""
    index, position = last.place
    return _SIGNED.sign(f"{index}.{position}.{last.balance - last.change}.{address.name}")


def behind(text: str, name: str) -> tuple[int, int, int] | None:
    """What `history` continues behind, from such a text; None if it is none of this address."""
    try:
        index, position, balance, signed = _SIGNED.unsign(text).split(".", 3)
    except (signing.BadSignature, ValueError):
        return None
    return (int(index), int(position), int(balance)) if signed == name else None


def pending(address: Address | str, limit: int = 50) -> list[Transaction]:
    """What waits in the pool from or to an address, oldest first."""
    name = address if isinstance(address, str) else address.name
    waiting = Transaction.objects.waiting()
    return list(waiting.filter(Q(sender=name) | Q(recipient=name)).order_by("pk")[:limit])


def balances(address: Address, limit: int = 500) -> list[tuple[float | None, int]]:
    """Time and balance after each of the newest movements, oldest first: the balance's chart."""
    page = []
    balance = address.balance
    for inclusion in islice(_entries(address, None), limit):
        page.append((inclusion.block.timestamp, balance))
        balance -= _change(inclusion, address)
    return page[::-1]


def _change(inclusion: Inclusion, address: Address) -> int:
    amount = inclusion.amount or 0
    came = amount if inclusion.recipient_id == address.pk else 0
    went = amount if inclusion.sender_id == address.pk else 0
    return came - went


def _entries(address: Address, behind: Place | None) -> Iterator[Inclusion]:
    """Entries of the active chain, newest first; one sent to oneself comes once."""
    sides = (_side(Q(sender=address), behind), _side(Q(recipient=address), behind))
    seen: int | None = None
    for inclusion in heapq.merge(*sides, key=_place, reverse=True):
        if inclusion.pk != seen:
            yield inclusion
        seen = inclusion.pk


def _place(inclusion: Inclusion) -> tuple[int, int, int]:
    return (inclusion.index, inclusion.position, inclusion.pk)


def _side(side: Q, behind: Place | None) -> Iterator[Inclusion]:
    """One index of inclusions, read downwards in chunks."""
    while True:
        rows = _below(Inclusion.objects.filter(side), behind)
        chunk = list(
            rows.select_related("block__active", "sender", "recipient", "transaction")
            .defer("block__canonical")
            .order_by("-index", "-position", "-pk")[:_CHUNK]
        )
        yield from (row for row in chunk if hasattr(row.block, "active"))
        if len(chunk) < _CHUNK:
            return
        behind = (chunk[-1].index, chunk[-1].position)


def _below(rows: QuerySet[Inclusion], behind: Place | None) -> QuerySet[Inclusion]:
    if behind is None:
        return rows
    index, position = behind
    return rows.filter(index__lte=index).filter(Q(index__lt=index) | Q(position__lt=position))
