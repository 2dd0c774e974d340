"""Addresses: balance and history.

Named in the query: a name may be `a/b` or `..`, which no path keeps as it is.
"""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop as _
from ninja import Query, Router

from ledger.consensus.policy import name_fault
from ledger.models import Address
from ledger.node import lifecycle
from ledger.queries import addresses as queries
from ledger.queries import transactions

from ..errors import BadRequest
from . import paging
from .described import saying
from .paging import Limit, SignedCursor
from .refusals import NotFound
from .schemas import addresses as shapes

router = Router(tags=["addresses"])

Name = Annotated[
    str,
    Query(description=_("The address, which is any text of up to 256 characters."), examples=["0"]),
]


@router.get(
    "/address",
    response=shapes.Address,
    url_name="address",
    summary=_("An address"),
    description=_("Its balance on the active chain, and what waits for it in the pool."),
    openapi_extra=saying(404),
)
async def address(request: HttpRequest, name: Name) -> dict[str, Any]:
    return await lifecycle.current().reader.read_at_once(_address, name)


def _address(name: str) -> dict[str, Any]:
    row = _known(name)
    waiting = queries.pending(row)
    return {
        "name": row.name,
        "balance": str(row.balance),
        "received": str(row.received),
        "sent": str(row.sent),
        "entries": row.entries,
        "pending": [transactions.described(transactions.Life(one, (), (), 0)) for one in waiting],
    }


@router.get(
    "/address/history",
    response=shapes.History,
    url_name="address-history",
    summary=_("An address's history"),
    description=_(
        "The entries of the active chain from or to it, the newest first, with the balance after"
        " each. A cursor stands for one moment of the chain: after a reorganisation begin anew."
    ),
    openapi_extra=saying(404, headers={"Link": _("The next page, as `rel=next`.")}),
)
async def history(
    request: HttpRequest,
    response: HttpResponse,
    name: Name,
    limit: Limit = 50,
    cursor: SignedCursor = None,
) -> dict[str, Any]:
    behind = queries.behind(cursor, name) if cursor else None
    if cursor and behind is None:
        raise BadRequest("cursor is the `next` of a page of this history, as it was given")

    def read() -> dict[str, Any]:
        row = _known(name)
        found = queries.history(row, behind=behind, limit=paging.clamped(limit))
        movements = found.movements
        return {
            "name": name,
            "history": [_movement(one) for one in movements],
            "next": queries.cursor(movements[-1], row) if found.older else None,
        }

    found = await lifecycle.current().reader.read_at_once(read)
    paging.link(request, response, found["next"])
    return found


def _known(name: str) -> Address:
    """An address that is on some chain, or that something in the pool names."""
    if fault := name_fault(name):
        raise NotFound(f"there is no such address: a name {fault}")
    row = queries.find(name)
    if row is None and not queries.pending(name, limit=1):
        raise NotFound("nothing was ever sent from or to this address, as far as this node knows")
    return row or Address(name=name)


def _movement(one: queries.Movement) -> dict[str, Any]:
    row = one.inclusion
    return {
        "index": row.index,
        "hash": row.block.hash,
        "position": row.position,
        "timestamp": row.block.timestamp,
        "id": str(row.transaction.uid) if row.transaction else None,
        "sender": row.sender.name if row.sender else None,
        "recipient": row.recipient.name if row.recipient else None,
        "irregular": row.irregular,
        "change": str(0 if row.irregular else one.change),
        "balance": str(one.balance),
    }
