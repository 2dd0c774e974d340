"""Forks: side branches, and the journal of reorganisations."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop as _
from ninja import Path, Router

from ledger.models import Block, Reorganisation
from ledger.node import chainstate, lifecycle, mempool
from ledger.queries import forks as queries

from . import paging
from .described import saying
from .paging import Cursor, Limit
from .refusals import NotFound
from .schemas import network as shapes

router = Router(tags=["forks"])

_BLOCKS: Final = 20  # of a branch, or of either side of a reorganisation
_EFFECTS: Final = ("returned", "released", "confirmed")


@router.get(
    "/forks",
    response=shapes.Forks,
    url_name="forks",
    summary=_("Side branches"),
    description=_("The tips of the chains this node left, 12 at most, the one it left last first."),
    openapi_extra=saying(),
)
async def forks(request: HttpRequest) -> dict[str, Any]:
    return await lifecycle.current().reader.read_at_once(_forks)


def _forks() -> dict[str, Any]:
    tip = chainstate.tip()
    return {
        "tip": {"index": tip.index, "hash": tip.block.hash},
        "branches": [
            {
                "tip": asdict(branch.tip),
                "fork_index": branch.fork_index,
                "length": branch.length,
                "blocks": [asdict(place) for place in branch.blocks[-_BLOCKS:]],
                "reorganisation": branch.left.pk,
                "left_at": branch.left.at.isoformat(),
            }
            for branch in queries.side_branches()
        ],
    }


@router.get(
    "/reorganisations",
    response=shapes.Reorganisations,
    url_name="reorganisations",
    summary=_("The journal of reorganisations"),
    openapi_extra=saying(headers={"Link": _("The next page, as `rel=next`.")}),
)
async def journal(
    request: HttpRequest, response: HttpResponse, limit: Limit = 25, cursor: Cursor = None
) -> dict[str, Any]:
    most = paging.clamped(limit, queries.LARGEST_PAGE - 1)
    read = partial(_journal, most, paging.behind(cursor))
    found = await lifecycle.current().reader.read_at_once(read)
    paging.link(request, response, found["next"])
    return found


def _journal(most: int, before: int | None) -> dict[str, Any]:
    rows = queries.journal(most + 1, before=before)
    more, rows = len(rows) > most, rows[:most]
    return {
        "reorganisations": _described(rows),
        "count": queries.count(),
        "next": str(rows[-1].pk) if more else None,
    }


@router.get(
    "/reorganisations/{id}",
    response=shapes.Account,
    url_name="reorganisation",
    summary=_("One reorganisation"),
    description=_("What went, what came, and what it did to this node's transactions."),
    openapi_extra=saying(404),
)
async def reorganisation(
    request: HttpRequest,
    id: Annotated[int, Path(ge=1, le=2**63 - 1, description=_("Its number."), examples=[1])],
) -> dict[str, Any]:
    return await lifecycle.current().reader.read_at_once(_account, id)


def _account(pk: int) -> dict[str, Any]:
    row = queries.find(pk)
    if row is None:
        raise NotFound(f"there is no reorganisation {pk}; there were {queries.count()}")
    return {
        **_described([row])[0],
        "left": _side(row.old_tip, row.fork_index, row.disconnected),
        "came": _side(row.new_tip, row.fork_index, row.connected),
        "transactions": _effects(row),
    }


def _described(rows: Iterable[Reorganisation]) -> list[dict[str, Any]]:
    rows = list(rows)
    counts = queries.effect_counts(rows)
    return [
        {
            "id": row.pk,
            "at": row.at.isoformat(),
            "fork_index": row.fork_index,
            "disconnected": row.disconnected,
            "connected": row.connected,
            "old_tip": {"index": row.old_tip.index, "hash": row.old_tip.hash},
            "new_tip": {"index": row.new_tip.index, "hash": row.new_tip.hash},
            "source": row.source,
            **{name: counts.get(row.pk, {}).get(name, 0) for name in _EFFECTS},
        }
        for row in rows
    ]


def _side(tip: Block, fork_index: int, length: int) -> dict[str, Any]:
    places = queries.walk(tip, fork_index, _BLOCKS) if length else []
    return {"blocks": [asdict(place) for place in places], "more": max(0, length - len(places))}


def _effects(row: Reorganisation) -> list[dict[str, Any]]:
    effects = queries.effects(row)
    places = queries.places_now(effect.transaction_id for effect in effects)
    return [
        mempool.describe(effect.transaction)
        | {"effect": effect.effect, "block": places.get(effect.transaction_id)}
        for effect in effects
    ]
