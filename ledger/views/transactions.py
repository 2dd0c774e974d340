"""Transactions: the life of one that this node acknowledged, or an entry of a block."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from ledger.models import Inclusion, ReorganisedTransaction, Transaction
from ledger.node import lifecycle
from ledger.queries import blocks, transactions

from . import entries, page


@require_safe
async def life(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """What became of a transaction since it was acknowledged."""
    try:
        return await page.answer(
            request, "ledger/transaction.html", lambda: _life(uid), page="transaction"
        )
    except Http404:
        return await _missing(request, str(uid))


@require_safe
async def entry(request: HttpRequest, digest: str, position: int) -> HttpResponse:
    """A transaction by its place in a block. One of ours has a page of its own."""
    own = await lifecycle.current().reader.read(_own, digest, position)
    if own is not None:
        return redirect("ledger:transaction", uid=own)
    try:
        return await page.answer(
            request, "ledger/entry.html", lambda: _entry(digest, position), page="transaction"
        )
    except Http404:
        return await _missing(request, f"{digest}/{position}")


async def _missing(request: HttpRequest, asked: str) -> HttpResponse:
    def build() -> page.Data:
        return {"missing": "transaction", "asked": asked, "tip_index": blocks.tip_index()}

    return await page.answer(request, "ledger/missing.html", build, status=404, page="transaction")


def _own(digest: str, position: int) -> uuid.UUID | None:
    rows = Inclusion.objects.filter(
        block__hash=digest.lower(), position=position, transaction__isnull=False
    )
    return rows.values_list("transaction__uid", flat=True).first()


def _entry(digest: str, position: int) -> page.Data | None:
    block = blocks.find(digest)
    if block is None:
        return None
    network = lifecycle.current().identity.network
    values = blocks.transactions(block, network)
    rows = blocks.entries(block, values, start=position, limit=1)
    if not rows:
        return None
    view = blocks.view(block)
    return {
        "transaction": entries.describe(rows[0], network),
        "place": {"index": block.index, "hash": block.hash, "timestamp": block.timestamp},
        "active": view.active,
        "confirmations": view.confirmations,
        "text": network.canonical(values[position]),
    }


def _life(uid: uuid.UUID) -> page.Data | None:
    found = transactions.find(uid)
    if found is None:
        return None
    row, active = found.transaction, found.active
    network = lifecycle.current().identity.network
    value = {"sender": row.sender, "recipient": row.recipient, "amount": row.amount}
    return {
        "transaction": {
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
        },
        "place": {"index": active.index, "hash": active.block.hash} if active else None,
        "confirmations": found.confirmations,
        "history": _history(row, found),
        "text": network.canonical(value),
    }


def _history(row: Transaction, found: transactions.Life) -> list[dict[str, Any]]:
    """What happened to it, in order."""
    told = [{"what": "accepted", "at": row.submitted_at.isoformat()}]
    told += [_included(inclusion) for inclusion in found.inclusions]
    told += [_reorganised(effect) for effect in found.reorganisations]
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
        "active": transactions.is_active(inclusion),
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
