"""Transactions: the life of one that this node acknowledged, or an entry of a block."""

from __future__ import annotations

import uuid

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from ledger.models import Inclusion
from ledger.node import lifecycle
from ledger.queries import blocks, entries, transactions

from . import page


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
        "transaction": transactions.described(found),
        "place": {"index": active.index, "hash": active.block.hash} if active else None,
        "confirmations": found.confirmations,
        "history": transactions.history(found),
        "text": network.canonical(value),
    }
