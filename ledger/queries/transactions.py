"""Transactions: one that we acknowledged with its life, or one in a block."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.models import Inclusion, ReorganisedTransaction, Tip, Transaction

LARGEST_PAGE: Final = 200
_KEPT: Final = 20  # places and reorganisations of one transaction, the newest


@dataclass(frozen=True, slots=True)
class Life:
    """A transaction that this node acknowledged. `inclusions` are all places it was ever in, the
    active one first; `confirmations` is 0 while it waits."""

    transaction: Transaction
    inclusions: Sequence[Inclusion]
    reorganisations: Sequence[ReorganisedTransaction]
    confirmations: int

    @property
    def active(self) -> Inclusion | None:
        return self.inclusions[0] if self.confirmations else None


def find(uid: uuid.UUID) -> Life | None:
    """The life of the transaction with this local id, as of now."""
    row = Transaction.objects.filter(uid=uid).first()
    if row is None:
        return None
    inclusions = list(
        Inclusion.objects.filter(transaction=row)
        .select_related("block__active")
        .defer("block__canonical")
        .order_by("-pk")[:_KEPT]
    )
    inclusions.sort(key=lambda inclusion: not is_active(inclusion))
    tip = Tip.objects.values_list("index", flat=True).get(pk=1)
    confirmed = bool(inclusions) and is_active(inclusions[0])
    effects = ReorganisedTransaction.objects.filter(transaction=row)
    return Life(
        transaction=row,
        inclusions=inclusions,
        reorganisations=list(effects.select_related("reorganisation").order_by("-pk")[:_KEPT]),
        confirmations=tip - inclusions[0].index + 1 if confirmed else 0,
    )


def is_active(inclusion: Inclusion) -> bool:
    """Whether an inclusion's block is on the active chain. Wants `block__active` selected."""
    return hasattr(inclusion.block, "active")


def latest(limit: int = 25, *, before: int | None = None) -> list[Transaction]:
    """Those we acknowledged, newest first, from before a row on."""
    rows = Transaction.objects.order_by("-pk")
    return list((rows if before is None else rows.filter(pk__lt=before))[:limit])


def pool_page(limit: int = 50, *, after: int = 0) -> list[Transaction]:
    """Those that wait, in the order of their arrival, from behind a row on."""
    waiting = Transaction.objects.waiting().filter(pk__gt=after)
    return list(waiting.order_by("pk")[: max(1, min(limit, LARGEST_PAGE + 1))])


def described(life: Life) -> dict[str, Any]:
    """It and where it stands. `block` is the index of the active block that it is in."""
    row, active = life.transaction, life.active
    return {
        "id": str(row.uid),
        "sender": row.sender,
        "recipient": row.recipient,
        "amount": str(row.amount),
        "state": row.state,
        "block": active.index if active else None,
        "reason": row.reason,
        "size": row.size,
        "promised_index": row.promised_index,
        "submitted_at": row.submitted_at.isoformat(),
        "relayed_by": row.relayed_by,
    }


def history(life: Life) -> list[dict[str, Any]]:
    """What happened to it, in order."""
    told = [{"what": "accepted", "at": life.transaction.submitted_at.isoformat()}]
    told += [_included(inclusion) for inclusion in life.inclusions]
    told += [_reorganised(effect) for effect in life.reorganisations]
    # Of what came in one go, the place goes before the word on what the reorganisation did.
    told.sort(key=lambda one: str(one["at"]))
    return told


def _included(inclusion: Inclusion) -> dict[str, Any]:
    return {
        "what": "included",
        "at": inclusion.block.received_at.isoformat(),
        "index": inclusion.index,
        "hash": inclusion.block.hash,
        "position": inclusion.position,
        "active": is_active(inclusion),
    }


def _reorganised(effect: ReorganisedTransaction) -> dict[str, Any]:
    change = effect.reorganisation
    return {
        "what": effect.effect,
        "at": change.at.isoformat(),
        "fork_index": change.fork_index,
        "disconnected": change.disconnected,
        "connected": change.connected,
        "source": change.source,
    }
