"""Where the page of a thing is. Names of addresses may be any text, so all of it is encoded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from django.http import HttpRequest
from django.urls import ResolverMatch, reverse

_DOTS: Final = {".", ".."}


def block(reference: object) -> str:
    return reverse("ledger:block", kwargs={"reference": reference})


def transaction(uid: object) -> str:
    return reverse("ledger:transaction", kwargs={"uid": uid})


def entry(digest: str, position: int) -> str:
    return reverse("ledger:entry", kwargs={"digest": digest, "position": position})


def address(name: str) -> str:
    return _named("/address", name)


def code(name: str) -> str:
    return _named("/qr", name)


def _named(prefix: str, name: str) -> str:
    encoded = quote(name, safe="")
    # Browsers walk up at "..", however it is encoded; a slash in it is not a step, being encoded.
    return f"{prefix}?name={encoded}" if name in _DOTS else f"{prefix}/{encoded}"


_IN_API: Final = {
    "dashboard": "node",
    "blocks": "v1:blocks",
    "pool": "v1:pool",
    "forks": "v1:forks",
    "peers": "v1:peers",
    "statistics": "v1:statistics",
}


def in_api(match: ResolverMatch | None, data: Mapping[str, Any]) -> str:
    """Where the versioned API tells what a page shows; empty where it does not."""
    page = match.url_name if match and match.namespace == "ledger" else None
    if page in _IN_API:
        return reverse(_IN_API[page])
    if page == "block" and "this" in data:
        return reverse("v1:block", args=[data["this"]["hash"]])
    if page == "transaction" and "transaction" in data:
        return reverse("v1:transaction", args=[data["transaction"]["id"]])
    if page == "entry" and "place" in data:
        position = data["transaction"]["position"]
        return reverse("v1:entry", args=[data["place"]["hash"], position])
    if page in ("address", "address-by-name") and "address" in data:
        return f"{reverse('v1:address')}?{urlencode({'name': data['address']['name']})}"
    if page == "reorganisation":
        return reverse("v1:reorganisation", args=[data["reorganisation"]["id"]])
    return ""


def lasting(request: HttpRequest, data: Mapping[str, Any]) -> str:
    """The path of a page to remember it by, where it has more than one; empty else.

    Of a block that is the one with its hash: an index names another block after a reorganisation,
    and a link to it would silently lead to something else.
    """
    if "this" not in data or "from" in request.GET:
        return ""
    return block(data["this"]["hash"])
