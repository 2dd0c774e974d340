"""Peers: how each one's chain stands to ours, and the forms to add one and to ask them all."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from ledger import faults
from ledger.node import lifecycle
from ledger.node.errors import NodeError, NotAccepted
from ledger.node.network import peers as node_peers
from ledger.node.network.sync import PeerReport
from ledger.queries import blocks as block_queries
from ledger.queries import peers as queries

from . import notices, page
from .posting import form_target, token_check, wants_json


@token_check
@require_safe
async def index(request: HttpRequest) -> HttpResponse:
    """The table, and the forms."""
    response = await _page(request, notice=notices.found(request))
    notices.take_away(request, response)
    return response


@form_target
async def register(request: HttpRequest) -> HttpResponse:
    """Remember one peer, or several with spaces or commas between."""
    node = lifecycle.current()
    typed = request.POST.get("address", "")
    named = [name for name in re.split(r"[\s,]+", typed) if name] or [""]
    try:
        new = node_peers.parse_all(named, node.conf.peer_policy)
        await node.writer.perform(lambda: node_peers.register(new, node.conf.peers))
    except NotAccepted as refused:
        return await _failed(request, 422, typed, error="; ".join(map(faults.said, refused.faults)))
    except NodeError as error:
        return await _failed(request, 503, typed, error=faults.said(str(error)))
    return _done(request, "registered", len(new), 201)


@form_target
async def resolve(request: HttpRequest) -> HttpResponse:
    """Ask all peers for their chains, and follow the longest."""
    try:
        # Shielded: the round is shared with others who asked for it.
        done = await asyncio.shield(asyncio.wrap_future(lifecycle.current().work.resolve()))
    except NodeError as error:
        return await _failed(request, 503, problem=faults.said(str(error)))
    if not done.reports:
        return _done(request, "nobody", 0, 200)
    if done.switch is None:
        return _done(request, "kept", _answered(done.reports), 200, done.reports)
    length = done.switch.fork_index + done.switch.connected
    return _done(request, "replaced", length, 200, done.reports)


def _answered(reports: Sequence[PeerReport]) -> int:
    return sum(report.length is not None for report in reports)


def _done(
    request: HttpRequest, notice: str, number: int, status: int, reports: Sequence[PeerReport] = ()
) -> HttpResponse:
    """It worked: say so in JSON, or have the page say so (post, redirect, get)."""
    if wants_json(request):
        outcome = [
            {
                "address": report.address,
                "length": report.length,
                "failure": faults.said(report.failure),
            }
            for report in reports
        ]
        message = notices.text(notice, number)
        return JsonResponse({"message": message, "reports": outcome}, status=status)
    response = redirect("ledger:peers")
    response.status_code = 303
    notices.leave(response, notice, number)
    return response


async def _failed(
    request: HttpRequest, status: int, typed: str = "", *, error: str = "", problem: str = ""
) -> HttpResponse:
    """It did not: say why, with what was typed still in the field."""
    if wants_json(request):
        errors = {"address": error} if error else {}
        return JsonResponse({"message": problem, "errors": errors}, status=status)
    return await _page(request, status=status, typed=typed, error=error, problem=problem)


async def _page(request: HttpRequest, *, status: int = 200, **extra: Any) -> HttpResponse:
    return await page.answer(
        request,
        "ledger/peers.html",
        _peers,
        status=status,
        page="peers",
        host=request.get_host(),
        conf=lifecycle.current().conf,
        **extra,
    )


def _peers() -> dict[str, Any]:
    tip = block_queries.tip_index()
    rows = queries.described(tip)
    return {
        "length": tip,
        "counts": queries.counted(row["relation"] for row in rows),
        "rows": rows,
    }
