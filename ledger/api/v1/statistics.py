"""The series that the page of charts shows."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext_noop as _
from ninja import Query, Router

from ledger.node import lifecycle
from ledger.queries import statistics as queries

from .described import saying
from .schemas import news as shapes

router = Router(tags=["statistics"])


@router.get(
    "/statistics",
    response=shapes.Statistics,
    url_name="statistics",
    summary=_("Series over the newest blocks"),
    description=_("Intervals, transactions, supply, and how many transactions waited."),
    openapi_extra=saying(),
)
async def statistics(
    request: HttpRequest,
    range: Annotated[
        Literal["50", "200", "1000"], Query(description=_("How many blocks."), examples=["50"])
    ] = "200",
) -> dict[str, Any]:
    return await lifecycle.current().reader.read_at_once(partial(_series, int(range)))


def _series(count: int) -> dict[str, Any]:
    return {
        "range": count,
        "blocks": [
            asdict(point) | {"supply": str(point.supply)} for point in queries.block_series(count)
        ],
        "pool": [{"at": at, "size": size} for at, size in queries.pool_series(count)],
        "interval": queries.interval_card(),
    }
