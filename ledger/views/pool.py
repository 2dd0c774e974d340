"""What waits for a block, in the order in which it came."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ledger.models import Transaction
from ledger.node import mempool
from ledger.queries import transactions

from . import asked, page

_ROWS: Final = 50


@require_safe
async def index(request: HttpRequest) -> HttpResponse:
    """A page of the pool, from behind a transaction on."""
    after = asked.number(request, "after") or 0
    limit = asked.limit(request, _ROWS, transactions.LARGEST_PAGE - 1)

    def build() -> page.Data:
        rows = transactions.pool_page(limit + 1, after=after)
        return {
            "transactions": [_described(row) for row in rows[:limit]],
            "newer": rows[limit - 1].pk if len(rows) > limit else None,
            "oldest": after == 0,
            "limit": limit,
        }

    return await page.answer(request, "ledger/pool.html", build, page="pool")


def _described(row: Transaction) -> dict[str, Any]:
    return mempool.describe(row) | {
        "size": row.size,
        "submitted_at": row.submitted_at.isoformat(),
        "block": None,
    }
