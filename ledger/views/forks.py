"""Forks: the tree, the journal of reorganisations, and a page for each of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ledger import wording
from ledger.models import Block, Reorganisation
from ledger.node import mempool
from ledger.queries import blocks as block_queries
from ledger.queries import forks as queries
from ledger.queries import peers as peer_queries

from . import forktree, page
from .posting import token_check

_JOURNAL: Final = 25
_BLOCKS: Final = 20  # of either side of a reorganisation
_TRANSACTIONS: Final = 100
_EFFECTS: Final = ("returned", "released", "confirmed")
_DIGITS: Final = 18


@token_check
@require_safe
async def index(request: HttpRequest) -> HttpResponse:
    """The tree, and the newest reorganisations or those before one (`?before=`)."""
    text = request.GET.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
    build = partial(_forks, before)
    return await page.answer(
        request, "ledger/forks.html", build, page="forks", host=request.get_host()
    )


@token_check
@require_safe
async def reorganisation(request: HttpRequest, pk: int) -> HttpResponse:
    """What one reorganisation did, and how things stand with it now."""
    return await page.answer(
        request, "ledger/reorganisation.html", partial(_reorganisation, pk), page="forks"
    )


def _forks(before: int | None) -> dict[str, Any]:
    rows = queries.journal(_JOURNAL + 1, before=before)
    more, rows = len(rows) > _JOURNAL, rows[:_JOURNAL]
    return {
        "tree": _tree(),
        "journal": _described(rows),
        "before": before,
        "older": rows[-1].pk if more else None,
    }


def _tree() -> dict[str, Any]:
    tip = block_queries.tip_index()
    branches = [_branch(branch) for branch in queries.side_branches()]
    known = peer_queries.described(tip)
    peers = [peer for peer in known if peer["tip"] is not None]
    chosen = forktree.columns(tip, branches, peers)
    rows = (
        Block.objects.filter(active__index__in=chosen)
        .order_by("index")
        .values_list("index", "hash")
    )
    active = [{"index": index, "hash": digest} for index, digest in rows]
    beyond = [index for index in chosen if index > tip]
    return {
        "tip": tip,
        "active": active,
        "branches": branches,
        "peers": peers,
        "counts": peer_queries.counted(peer["relation"] for peer in known),
        "beyond": beyond,
    }


def _branch(branch: queries.SideBranch) -> dict[str, Any]:
    return {
        "tip": asdict(branch.tip),
        "fork_index": branch.fork_index,
        "length": branch.length,
        "blocks": [asdict(place) for place in branch.blocks[-20:]],
        "reorganisation": branch.left.pk,
        "left_at": branch.left.at.isoformat(),
    }


def _described(rows: Iterable[Reorganisation]) -> list[dict[str, Any]]:
    rows = list(rows)
    counts = queries.effect_counts(rows)
    return [_row(row) | _counts(counts.get(row.pk, {})) for row in rows]


def _row(row: Reorganisation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "at": row.at.isoformat(),
        "kind": wording.reorganisation_kind(row.fork_index, row.disconnected, row.source),
        "fork_index": row.fork_index,
        "disconnected": row.disconnected,
        "connected": row.connected,
        "old_tip": {"index": row.old_tip.index, "hash": row.old_tip.hash},
        "new_tip": {"index": row.new_tip.index, "hash": row.new_tip.hash},
        "source": row.source,
    }


def _counts(counts: dict[str, int]) -> dict[str, int]:
    return {name: counts.get(name, 0) for name in _EFFECTS}


def _reorganisation(pk: int) -> dict[str, Any] | None:
    row = queries.find(pk) if len(str(pk)) <= _DIGITS else None
    if row is None:
        return None
    described = _described([row])[0]
    touched = sum(described[name] for name in _EFFECTS)
    left = _side(row.old_tip, row.fork_index, row.disconnected)
    came = _side(row.new_tip, row.fork_index, row.connected)
    return {
        "reorganisation": described,
        "left": left,
        "came": came,
        "picture": _picture(row, left, came),
        "transactions": _transactions(row),
        "transactions_more": max(0, touched - _TRANSACTIONS),
    }


def _side(tip: Block, fork_index: int, length: int) -> dict[str, Any]:
    """The blocks of one side, the newest ones first, and whether each is active now."""
    places = queries.walk(tip, fork_index, _BLOCKS) if length else []
    active = queries.active_among(place.hash for place in places) if places else set()
    blocks = [asdict(place) | {"active": place.hash in active} for place in places]
    return {"blocks": blocks, "more": max(0, length - len(blocks))}


def _picture(
    row: Reorganisation, left: dict[str, Any], came: dict[str, Any]
) -> dict[str, Any] | None:
    """Both sides from their fork on; None where they are too long to be read as one picture."""
    if left["more"] or came["more"]:
        return None
    fork = None
    if row.fork_index:
        below = queries.walk(row.old_tip, row.fork_index - 1, row.disconnected + 1)
        fork = asdict(below[-1])
    return forktree.past(fork, left["blocks"][::-1], came["blocks"][::-1])


def _transactions(row: Reorganisation) -> list[dict[str, Any]]:
    effects = queries.effects(row, _TRANSACTIONS)
    places = queries.places_now(effect.transaction_id for effect in effects)
    return [
        mempool.describe(effect.transaction)
        | {"effect": effect.effect, "block": places.get(effect.transaction_id)}
        for effect in effects
    ]
