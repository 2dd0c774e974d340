"""Peers: who they are, and how they stand to us."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_noop as _
from ninja import Router

from ledger.node import chainstate, lifecycle
from ledger.queries import peers as queries

from .described import saying
from .schemas import network as shapes

router = Router(tags=["network"])


@router.get(
    "/peers",
    response=shapes.Peers,
    url_name="peers",
    summary=_("Peers"),
    description=_("All of them, 256 at most, and what was learned when they were last asked."),
    openapi_extra=saying(),
)
async def peers(request: HttpRequest) -> dict[str, Any]:
    return await lifecycle.current().reader.read_at_once(_peers)


def _peers() -> dict[str, Any]:
    tip = chainstate.tip()
    known = queries.described(tip.index)
    return {
        "tip": {"index": tip.index, "hash": tip.block.hash},
        "peers": known,
        "counts": queries.counted(peer["relation"] for peer in known),
    }
