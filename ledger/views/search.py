"""The one box: it goes to what it names, or shows what it may mean."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _
from django.views.decorators.http import require_safe

from ledger import wording
from ledger.node import lifecycle
from ledger.queries import search

from . import page, places

_GROUPS: Final = {
    "block": _("Blocks"),
    "transaction": _("Transactions"),
    "address": _("Addresses"),
    "date": _("At that time"),
}


@require_safe
async def index(request: HttpRequest) -> HttpResponse:
    """What a query finds. Where it names just one thing, that thing's page."""
    query = request.GET.get("q", "")
    if request.GET.get("as") != "json":
        found = await lifecycle.current().reader.read(search.find, query)
        if found.only:
            return redirect(_url(found.only))
    return await page.answer(
        request, "ledger/search.html", lambda: _data(search.find(query)), page="search"
    )


@require_safe
async def suggest(request: HttpRequest) -> HttpResponse:
    """The same while it is typed."""
    found = await lifecycle.current().reader.read_at_once(search.find, request.GET.get("q", ""))
    response = JsonResponse(_data(found))
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _data(found: search.Found) -> page.Data:
    groups = []
    for kind, label in _GROUPS.items():
        hits = [_described(hit) for hit in found.hits if hit.kind == kind]
        if hits:
            groups.append({"kind": kind, "label": gettext(label), "hits": hits})
    above = found.above_tip
    return {
        "query": found.query,
        "groups": groups,
        "above_tip": above,
        "asked": wording.grouped(found.query) if above is not None else "",
    }


def _described(hit: search.Hit) -> dict[str, Any]:
    """A hit with its page, and what to call it: a name apart from what is said about it."""
    name, detail = hit.label, ""
    if hit.kind in ("block", "date"):
        first, _dot, second = hit.label.partition(" · ")
        if hit.kind == "block":
            name, detail = wording.say("block", n=wording.grouped(first)), second
        else:
            name, detail = wording.say("block", n=wording.grouped(second)), first
    return {
        "kind": hit.kind,
        "url": _url(hit),
        "name": name,
        "detail": detail,
        "exact": hit.exact,
        "stale": hit.stale,
    }


def _url(hit: search.Hit) -> str:
    if hit.kind == "address":
        return places.address(hit.reference)
    if hit.kind == "transaction":
        return places.transaction(hit.reference)
    return places.block(hit.reference)
