"""Blocks: the list of them, one taken apart, and its bytes."""

from __future__ import annotations

import re
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from ledger.models import Block
from ledger.node import chainstate, lifecycle
from ledger.queries import blocks, entries, forks

from . import asked, page, proofs

_ROWS: Final = 25
_SIZES: Final = (25, 50, 100, 200)
_ENTRIES: Final = 100
_BYTES_SHOWN: Final = 16 * 1024
_INDEX: Final = re.compile(r"\s*[0-9]{1,400}\s*")
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@require_safe
async def index(request: HttpRequest) -> HttpResponse:
    """The active chain, newest block first."""
    below, above = asked.number(request, "below"), asked.number(request, "above")
    limit = asked.limit(request, _ROWS, blocks.LARGEST_PAGE)

    def build() -> page.Data:
        found = blocks.page(below=below, above=above, limit=limit)
        return {
            "blocks": [chainstate.describe(block) for block in found.blocks],
            "newer": found.newer,
            "older": found.older,
            "limit": limit,
            "tip_index": found.tip,
        }

    newest = below is None and above is None
    return await page.answer(
        request, "ledger/blocks.html", build, page="blocks", newest=newest, sizes=_SIZES
    )


@require_safe
async def block(request: HttpRequest, reference: str) -> HttpResponse:
    """One block, by its index or its hash; the page of a hash stays, also when it gets stale."""
    start = asked.number(request, "from") or 0
    try:
        return await page.answer(
            request, "ledger/block.html", lambda: _block(reference, start), page="blocks"
        )
    except Http404:
        return await _missing(request, reference)


async def _missing(request: HttpRequest, reference: str) -> HttpResponse:
    def build() -> page.Data:
        is_index = bool(_INDEX.fullmatch(reference))
        return {
            "missing": "index" if is_index else "block",
            "asked": reference.strip().lstrip("0") or "0" if is_index else reference.strip(),
            "tip_index": blocks.tip_index(),
        }

    return await page.answer(request, "ledger/missing.html", build, status=404, page="blocks")


@require_safe
async def raw(request: HttpRequest, reference: str) -> HttpResponse:
    """Exactly the bytes that were hashed. A hash's answer never changes; an index's may."""
    found = await lifecycle.current().reader.read(blocks.find, reference)
    if found is None:
        return HttpResponse("There is no such block.\n", status=404, content_type="text/plain")
    if len(reference.strip()) != len(found.hash):
        response: HttpResponse = redirect("ledger:block-raw", reference=found.hash)
        response.headers["Cache-Control"] = "no-cache"
        return response
    response = HttpResponse(found.canonical.encode(), content_type="application/json")
    response.headers["Cache-Control"] = _FOR_EVER
    response.headers["ETag"] = f'"{found.hash}"'
    return response


def _block(reference: str, start: int) -> page.Data | None:
    found = blocks.find(reference)
    if found is None:
        return None
    network = lifecycle.current().identity.network
    view = blocks.view(found)
    values = blocks.transactions(found, network)
    rows = blocks.entries(found, values, start=start, limit=_ENTRIES)
    return {
        "this": _described(found),  # in a template, `block` is the tag
        "active": view.active,
        "confirmations": view.confirmations,
        "tip_index": view.tip,
        "parent": _named(view.parent),
        "following": view.following,
        "mark": None if view.active else _mark(found),
        "instead": view.instead.hash if view.instead else None,
        "transactions": [entries.describe(row, network) for row in rows],
        "from": start,
        "more_from": start + _ENTRIES if start + _ENTRIES < len(values) else None,
        "before_from": max(0, start - _ENTRIES) if start else None,
        "check": proofs.check(view, values, network),
        **_text(found.canonical),
    }


def _described(block: Block) -> dict[str, Any]:
    return chainstate.describe(block) | {
        "irregular": block.irregular_count,
        "moved": str(blocks.moved(block)),
        "received_at": block.received_at.isoformat(),
    }


def _mark(block: Block) -> dict[str, Any] | None:
    mark = forks.mark_on(block)
    if mark is None:
        return None
    return {"index": mark.block.index, "hash": mark.block.hash, "reason": mark.reason}


def _named(block: Block | None) -> dict[str, Any] | None:
    return {"index": block.index, "hash": block.hash} if block else None


def _text(canonical: str) -> dict[str, Any]:
    """The text that was hashed, or its beginning: a block may have a megabyte of it."""
    beginning = canonical.encode()[:_BYTES_SHOWN].decode(errors="ignore")
    return {"canonical": beginning, "whole": len(beginning) == len(canonical)}
