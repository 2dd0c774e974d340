"""Events after a number, at once or when there are some."""

from __future__ import annotations

import json
from functools import partial
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop as _
from ninja import Query, Router

from ledger.models import Event
from ledger.node import events, lifecycle, waiting

from . import paging
from .described import saying
from .mining import Wait
from .paging import Limit
from .schemas import news as shapes

router = Router(tags=["events"])


@router.get(
    "/events",
    response=shapes.Events,
    url_name="events",
    summary=_("What happened after a number"),
    description=_(
        "In the order of commits, none left out: ask behind `after` again and again. With `wait`,"
        " answered when there is something, or the time is over. Without `after`, only how far"
        " it goes."
    ),
    openapi_extra=saying(headers={"Link": _("What comes next, as `rel=next`.")}),
)
async def after(
    request: HttpRequest,
    response: HttpResponse,
    after: Annotated[
        int | None,
        Query(
            ge=0,
            le=2**63 - 1,
            description=_("The last number seen; 0 begins with the first."),
            examples=[0],
        ),
    ] = None,
    limit: Limit = 100,
    wait: Wait = 0,
) -> dict[str, Any]:
    reader = lifecycle.current().reader
    if after is None:
        newest = await reader.read(events.newest)
        found: dict[str, Any] = {"events": [], "after": newest, "newest": newest}
    else:

        async def some() -> bool | None:
            return True if await reader.read(events.newest) > after else None

        await waiting.until(some, wait)
        found = await reader.read_at_once(partial(_after, after, paging.clamped(limit)))
    query = request.GET.copy()
    query["after"] = str(found["after"])
    response.headers["Link"] = f'<{request.path}?{query.urlencode()}>; rel="next"'
    return found


def _after(after: int, limit: int) -> dict[str, Any]:
    rows = list(Event.objects.filter(pk__gt=after).order_by("pk")[:limit])
    return {
        "events": [
            {
                "seq": row.pk,
                "kind": row.kind,
                "at": row.at.isoformat(),
                "data": json.loads(row.payload),
            }
            for row in rows
        ],
        "after": rows[-1].pk if rows else after,
        "newest": events.newest(),
    }
