"""Blocks: pages of the active chain, one block, its bytes, its transactions, how it stands."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_noop as _
from ninja import Path, Query, Router

from ledger.models import Block
from ledger.node import chainstate, lifecycle
from ledger.queries import blocks, entries, forks

from . import paging
from .described import saying
from .edge import FOR_EVER
from .paging import Cursor, Limit
from .refusals import NotFound
from .schemas import blocks as shapes

router = Router(tags=["blocks"])

Reference = Annotated[
    str,
    Path(
        description=_(
            "An index of the active chain, a hash of any block this node holds, or `tip`."
        ),
        examples=["1"],
    ),
]
_TIP = "tip"


@router.get(
    "/blocks",
    response=shapes.Blocks,
    url_name="blocks",
    summary=_("Blocks of the active chain"),
    description=_(
        "Headers only: what a block holds is at its own address, and the texts of many are best"
        " taken from the export."
    ),
    openapi_extra=saying(headers={"Link": _("The next page, as `rel=next`.")}),
)
async def page(
    request: HttpRequest,
    response: HttpResponse,
    first: Annotated[
        int | None,
        Query(alias="from", ge=0, le=10**18 - 1, description=_("No block below this index.")),
    ] = None,
    last: Annotated[
        int | None,
        Query(alias="to", ge=0, le=10**18 - 1, description=_("No block above this index.")),
    ] = None,
    order: Annotated[
        Literal["newest", "oldest"], Query(description=_("Which come first."))
    ] = "newest",
    limit: Limit = 25,
    cursor: Cursor = None,
) -> dict[str, Any]:
    reader = lifecycle.current().reader
    stretch = partial(_page, first or 1, last, order, paging.clamped(limit), paging.behind(cursor))
    found = await reader.read_at_once(stretch)
    paging.link(request, response, found["next"])
    return found


def _page(
    first: int, last: int | None, order: str, limit: int, behind: int | None
) -> dict[str, Any]:
    tip = chainstate.tip()
    first, last = max(first, 1), tip.index if last is None else min(last, tip.index)
    if behind is not None:
        first, last = (behind + 1, last) if order == "oldest" else (first, min(last, behind - 1))
    rows = blocks.stretch(first, last, limit, newest_first=order == "newest")
    at = rows[-1].index if rows else 0
    more = bool(rows) and (at < last if order == "oldest" else at > first)
    return {
        "blocks": [chainstate.describe(block) for block in rows],
        "next": str(at) if more else None,
        "tip": {"index": tip.index, "hash": tip.block.hash},
    }


@router.get(
    "/blocks/{block}",
    response=shapes.Details,
    url_name="block",
    summary=_("One block"),
    description=_(
        "What an index or `tip` names can change, and is asked for again; what a hash names never"
        " does. Whether the block is on the active chain is therefore a question of its own."
    ),
    openapi_extra=saying(404, headers={"Content-Location": _("The block by its hash.")}),
)
async def block(request: HttpRequest, response: HttpResponse, block: Reference) -> dict[str, Any]:
    found, described = await lifecycle.current().reader.read_at_once(_details, block)
    _place(response, "v1:block", block, found)
    return described


def _details(reference: str) -> tuple[Block, dict[str, Any]]:
    found = _found(reference)
    return found, chainstate.describe(found) | {
        "irregular": found.irregular_count,
        "moved": str(blocks.moved(found)),
        "received_at": found.received_at.isoformat(),
    }


@router.get(
    "/blocks/{block}/raw",
    url_name="block-raw",
    summary=_("A block's exact bytes"),
    description=_("The canonical text in UTF-8: SHA-256 of these bytes is the block's hash."),
    openapi_extra=saying(404, content={"application/octet-stream": "canonical bytes"}),
)
async def raw(request: HttpRequest, block: Reference) -> HttpResponse:
    found = await lifecycle.current().reader.read(_found, block)
    response = HttpResponse(found.canonical.encode(), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.hash}.json"'
    _place(response, "v1:block-raw", block, found)
    return response


@router.get(
    "/blocks/{block}/status",
    response=shapes.Standing,
    url_name="block-status",
    summary=_("How a block stands"),
    description=_("On the active chain with so many confirmations, or stale, and why."),
    openapi_extra=saying(404),
)
async def status(request: HttpRequest, block: Reference) -> dict[str, Any]:
    return await lifecycle.current().reader.read_at_once(_status, block)


def _status(reference: str) -> dict[str, Any]:
    found = _found(reference)
    view = blocks.view(found)
    mark = None if view.active else forks.mark_on(found)
    return {
        "index": found.index,
        "hash": found.hash,
        "active": view.active,
        "confirmations": view.confirmations,
        "tip": view.tip,
        "previous": found.parent_id,
        "following": view.following,
        "instead": view.instead.hash if view.instead else None,
        "mark": mark
        and {"index": mark.block.index, "hash": mark.block.hash, "reason": mark.reason},
    }


@router.get(
    "/blocks/{block}/transactions",
    response=shapes.Entries,
    url_name="block-transactions",
    summary=_("The transactions in a block"),
    openapi_extra=saying(404, headers={"Link": _("The next page, as `rel=next`.")}),
)
async def transactions(
    request: HttpRequest,
    response: HttpResponse,
    block: Reference,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> dict[str, Any]:
    start = paging.behind(cursor)
    build = partial(_entries, block, 0 if start is None else start + 1, paging.clamped(limit))
    found = await lifecycle.current().reader.read_at_once(build)
    paging.link(request, response, found["next"])
    return found


def _entries(reference: str, start: int, limit: int) -> dict[str, Any]:
    found = _found(reference)
    network = lifecycle.current().identity.network
    values = blocks.transactions(found, network)
    rows = blocks.entries(found, values, start=min(start, len(values)), limit=limit)
    more = start + limit < len(values)
    return {
        "block": {"index": found.index, "hash": found.hash},
        "transactions": [entries.describe(row, network) for row in rows],
        "next": str(start + limit - 1) if more else None,
    }


@router.get(
    "/blocks/{block}/transactions/{position}",
    response=shapes.Placed,
    url_name="entry",
    summary=_("A transaction by its place in a block"),
    openapi_extra=saying(404),
)
async def entry(
    request: HttpRequest,
    block: Reference,
    position: Annotated[
        int, Path(ge=0, le=10**9, description=_("From 0, in the block's order."), examples=[0])
    ],
) -> dict[str, Any]:
    return await lifecycle.current().reader.read_at_once(_entry, block, position)


def _entry(reference: str, position: int) -> dict[str, Any]:
    found = _found(reference)
    network = lifecycle.current().identity.network
    values = blocks.transactions(found, network)
    rows = blocks.entries(found, values, start=position, limit=1)
    if not rows:
        raise NotFound(f"block {found.index} has {len(values)} transactions, from position 0 on")
    view = blocks.view(found)
    return {
        "block": {"index": found.index, "hash": found.hash},
        "transaction": entries.describe(rows[0], network),
        "active": view.active,
        "confirmations": view.confirmations,
        "text": network.canonical(values[position]),
    }


def _found(reference: str) -> Block:
    """Raises `NotFound`."""
    found = blocks.find(str(blocks.tip_index()) if reference == _TIP else reference)
    if found is None:
        raise NotFound(f"there is no block {reference[:80]!a}: an index, a whole hash, or `tip`")
    return found


def _place(response: HttpResponse, name: str, reference: str, found: Block) -> None:
    """By its hash for ever; by another name, with the way to that."""
    response.headers["ETag"] = f'"{found.hash}"'
    if reference.strip().lower() == found.hash:
        response.headers["Cache-Control"] = FOR_EVER
    else:
        response.headers["Content-Location"] = reverse(name, args=[found.hash])
