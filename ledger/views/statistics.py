"""Charts: the newest blocks in numbers, as lines, tables and CSV."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.http import require_safe

from ledger.node import lifecycle
from ledger.queries import statistics as queries

from . import page, spreadsheet
from .posting import token_check

SERIES: Final = ("interval", "transactions", "supply", "pool")
_TABLE: Final = 100  # rows of a table; the CSV has all


@token_check
@require_safe
async def index(request: HttpRequest) -> HttpResponse:
    """The charts, over the newest `?range=` blocks."""
    return await page.answer(
        request,
        "ledger/statistics.html",
        partial(_charts, _range(request)),
        page="statistics",
        ranges=queries.RANGES,
        table_rows=_TABLE,
    )


@require_safe
async def csv(request: HttpRequest) -> HttpResponse:
    """One series as a file."""
    name, count = request.GET.get("series", ""), _range(request)
    if name not in SERIES:
        return HttpResponseBadRequest(
            f"series is one of {', '.join(SERIES)}\n", content_type="text/plain; charset=utf-8"
        )
    reader = lifecycle.current().reader
    file = f"{name}-{count}.csv"
    if name == "pool":
        points = await reader.read_at_once(queries.pool_series, count)
        rows: list[tuple[Any, ...]] = [(_iso(at), size) for at, size in points]
        return spreadsheet.answer(file, ("time", "waiting"), rows)
    blocks = await reader.read_at_once(queries.block_series, count)
    rows = [(point.index, _iso(point.timestamp), getattr(point, name)) for point in blocks]
    return spreadsheet.answer(file, ("block", "time", name), rows)


def _range(request: HttpRequest) -> int:
    """One of the ranges; the middle one unless another is asked for."""
    text = request.GET.get("range", "")
    known = {str(count): count for count in queries.RANGES}
    return known.get(text, queries.RANGES[1])


def _charts(count: int) -> dict[str, Any]:
    points = queries.block_series(count)
    return {
        "range": count,
        "blocks": [
            {
                "index": point.index,
                "timestamp": point.timestamp,
                "interval": None if point.interval is None else round(point.interval, 3),
                "transactions": point.transactions,
                "supply": str(point.supply),
            }
            for point in points
        ],
        "waiting": [{"at": at, "size": size} for at, size in queries.pool_series(count)],
    }


def _iso(seconds: float | None) -> str:
    """The time, where a calendar has it: clocks of other nodes may say anything."""
    try:
        return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""
