"""Lists in pages. A page goes on behind a row, not after a count: it costs the same anywhere, and
what comes meanwhile moves nothing."""

from __future__ import annotations

from typing import Annotated, Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop as _
from ninja import Query

LARGEST: Final = 200

Limit = Annotated[
    int,
    Query(
        description=_(
            "How many at most; what is out of bounds counts as the nearest bound, 1 or 200."
        )
    ),
]
_ON: Final = _("Where to go on: `next` of the page before.")
Cursor = Annotated[str | None, Query(description=_ON, pattern="^[0-9]{1,18}$")]
SignedCursor = Annotated[str | None, Query(description=_ON, max_length=1000)]


def clamped(limit: int, most: int = LARGEST) -> int:
    return max(1, min(limit, most))


def behind(cursor: str | None) -> int | None:
    """The row that a page continues behind; None for the first page."""
    return None if cursor is None else int(cursor)


def link(request: HttpRequest, response: HttpResponse, cursor: str | None) -> None:
    """Say where the next page is, in `Link` (RFC 8288); nothing where there is none."""
    if cursor is not None:
        query = request.GET.copy()
        query["cursor"] = cursor
        response.headers["Link"] = f'<{request.path}?{query.urlencode()}>; rel="next"'
