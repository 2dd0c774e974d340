"""One address: what it has, and how it came to that."""

from __future__ import annotations

import asyncio
import io
from functools import lru_cache
from typing import Any, Final

import segno
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ledger.consensus.policy import name_fault
from ledger.models import Address, Transaction
from ledger.node import mempool
from ledger.queries import addresses, blocks

from . import asked, page
from .balance_chart import chart

_ROWS: Final = 50
_PENDING: Final = 20
_CHARTED: Final = 200


@require_safe
async def address(request: HttpRequest, name: str = "") -> HttpResponse:
    """By its name in the path, or in `?name=`: of "." and ".." browsers make another path."""
    name = name or request.GET.get("name", "")
    limit = asked.limit(request, _ROWS, addresses.LARGEST_PAGE)
    behind = addresses.behind(request.GET.get("behind", ""), name)
    try:
        return await page.answer(
            request, "ledger/address.html", lambda: _address(name, behind, limit), page="address"
        )
    except Http404:
        return await _missing(request, name)


@require_safe
async def code(request: HttpRequest, name: str = "") -> HttpResponse:
    """The name as a QR code."""
    name = name or request.GET.get("name", "")
    if fault := name_fault(name):
        return HttpResponse(f"a name {fault}\n", status=404, content_type="text/plain")
    # Pure Python: a long name takes a while, and the event loop should not wait for it.
    drawing = await asyncio.to_thread(_drawn, name)
    response = HttpResponse(drawing, content_type="image/svg+xml")
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


@lru_cache(maxsize=256)
def _drawn(name: str) -> bytes:
    out = io.BytesIO()
    made = segno.make(name, encoding="utf-8", error="l", micro=False)
    made.save(out, kind="svg", dark="#16181d", light="#ffffff", border=3, xmldecl=False)
    return out.getvalue()


async def _missing(request: HttpRequest, name: str) -> HttpResponse:
    def build() -> page.Data:
        return {
            "missing": "address",
            "asked": name,
            "fault": name_fault(name),
            "tip_index": blocks.tip_index(),
        }

    return await page.answer(request, "ledger/missing.html", build, status=404, page="address")


def _address(name: str, behind: tuple[int, int, int] | None, limit: int) -> page.Data | None:
    if name_fault(name):
        return None
    row = addresses.find(name)
    pending = addresses.pending(row or name, limit=_PENDING + 1)
    if row is None and not pending:
        return None
    row = row or Address(name=name)
    found = addresses.history(row, behind=behind, limit=limit) if row.pk else None
    movements = found.movements if found else ()
    return {
        "address": {
            "name": row.name,
            "balance": str(row.balance),
            "received": str(row.received),
            "sent": str(row.sent),
            "entries": row.entries,
        },
        "pending": [_waiting(one, row) for one in pending[:_PENDING]],
        "more_pending": len(pending) > _PENDING,
        "history": [_described(one, row) for one in movements],
        "newest": behind is None,
        "older": addresses.cursor(movements[-1], row) if found and found.older else None,
        "limit": limit,
        "balances": _balances(row) if row.pk and behind is None else None,
    }


def _waiting(one: Transaction, row: Address) -> dict[str, Any]:
    came = one.amount if one.recipient == row.name else 0
    went = one.amount if one.sender == row.name else 0
    return mempool.describe(one) | {
        "submitted_at": one.submitted_at.isoformat(),
        "change": _signed(came - went),
        "block": None,
    }


def _described(one: addresses.Movement, row: Address) -> dict[str, Any]:
    inclusion = one.inclusion
    sender = inclusion.sender.name if inclusion.sender else None
    recipient = inclusion.recipient.name if inclusion.recipient else None
    went = inclusion.sender_id == row.pk
    return {
        "index": inclusion.index,
        "hash": inclusion.block.hash,
        "position": inclusion.position,
        "timestamp": inclusion.block.timestamp,
        "id": str(inclusion.transaction.uid) if inclusion.transaction else None,
        "sender": sender,
        "recipient": recipient,
        "direction": "self" if sender == recipient else "out" if went else "in",
        "other": recipient if went else sender,
        "irregular": inclusion.irregular,
        "change": "" if inclusion.irregular else _signed(one.change),
        "balance": str(one.balance),
    }


def _signed(change: int) -> str:
    return f"+{change}" if change > 0 else str(change)


def _balances(row: Address) -> dict[str, Any] | None:
    """The newest balances, oldest first, and the line they make."""
    found = addresses.balances(row, limit=_CHARTED)
    if len(found) < 2:
        return None
    return {
        "steps": [{"timestamp": at, "balance": str(balance)} for at, balance in found],
        "all": len(found) == row.entries,
        **chart([balance for _, balance in found]),
    }
