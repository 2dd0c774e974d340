"""One question for everything: index, hash or its beginning, transaction, address, date."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_noop as _
from ninja import Query, Router

from ledger.node import lifecycle
from ledger.queries import search as queries

from .described import saying
from .schemas import news as shapes

router = Router(tags=["search"])


@router.get(
    "/search",
    response=shapes.Found,
    url_name="search",
    summary=_("Search"),
    description=_("What the box on every page finds: five hits of a kind at most."),
    openapi_extra=saying(),
)
async def search(
    request: HttpRequest,
    q: Annotated[
        str,
        Query(
            max_length=500,
            description=_(
                "An index, a hash or its beginning, an id, a name or its beginning, a date."
            ),
            examples=["1"],
        ),
    ],
) -> dict[str, Any]:
    found = await lifecycle.current().reader.read_at_once(partial(queries.find, q))
    return {
        "query": found.query,
        "hits": [asdict(hit) | {"url": _url(hit)} for hit in found.hits],
        "above_tip": found.above_tip,
    }


def _url(hit: queries.Hit) -> str:
    if hit.kind == "transaction":
        return reverse("v1:transaction", args=[hit.reference])
    if hit.kind == "address":
        return f"{reverse('v1:address')}?{urlencode({'name': hit.reference})}"
    return reverse("v1:block", args=[hit.reference])
