"""Transactions: sent, looked up, followed; and the pool of those that wait."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_noop as _
from ninja import Header, Path, Router
from ninja.responses import Status

from ledger.models import Transaction
from ledger.node import lifecycle, mempool
from ledger.queries import transactions as queries

from . import paging
from .described import PROBLEM, saying
from .paging import Cursor, Limit
from .refusals import NotFound
from .schemas import transactions as shapes

router = Router(tags=["transactions"])

EXAMPLE = {"sender": "alice", "recipient": "bob", "amount": 5}
_NEXT = {"Link": _("The next page, as `rel=next`.")}


@router.post(
    "/transactions",
    response={201: shapes.Acknowledged},
    url_name="transactions",
    summary=_("Send a transaction"),
    description=_(
        "Answered after it is on the disk. With an `Idempotency-Key` a retry is safe: the same key"
        " and content get the same answer."
    ),
    openapi_extra=saying(body=EXAMPLE)
    | {
        "responses": {
            201: {
                "headers": {
                    "Location": {
                        "description": _("Where its life can be followed."),
                        "schema": {"type": "string"},
                    }
                }
            },
            503: PROBLEM,
        }
    },
)
async def send(
    request: HttpRequest,
    response: HttpResponse,
    transaction: shapes.Submission,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description=_("1 to 255 printable ASCII characters, new for each transaction."),
            pattern=r"^[!-~]([ -~]{0,253}[!-~])?$",
        ),
    ] = None,
) -> Status:
    node = lifecycle.current()
    submission = mempool.checked(transaction.values(), node.identity.network, key)
    taken = await node.writer.perform_batched(node.door.accept, submission)
    response.headers["Location"] = reverse("v1:transaction", args=[taken.uid])
    return Status(201, {"id": str(taken.uid), "promised_index": taken.index})


@router.get(
    "/transactions",
    response=shapes.Transactions,
    url_name="transactions",
    summary=_("The newest transactions"),
    description=_(
        "Those that this node or a peer of its kind acknowledged, whatever became of them."
    ),
    openapi_extra=saying(headers=_NEXT),
)
async def page(
    request: HttpRequest, response: HttpResponse, limit: Limit = 25, cursor: Cursor = None
) -> dict[str, Any]:
    most, before = paging.clamped(limit), paging.behind(cursor)
    reader = lifecycle.current().reader
    rows = await reader.read(partial(queries.latest, most + 1, before=before))
    return _page(request, response, rows, most)


@router.get(
    "/transactions/{id}",
    response=shapes.Life,
    url_name="transaction",
    exclude_unset=True,
    summary=_("A transaction's life"),
    description=_(
        "Its state with the reason, its place, its confirmations, and what happened to it."
    ),
    openapi_extra=saying(404),
)
async def life(
    request: HttpRequest,
    id: Annotated[
        uuid.UUID,
        Path(description=_("Its local id."), examples=["00000000-0000-4000-8000-000000000000"]),
    ],
) -> dict[str, Any]:
    return await lifecycle.current().reader.read_at_once(_life, id)


def _life(uid: uuid.UUID) -> dict[str, Any]:
    found = queries.find(uid)
    if found is None:
        raise NotFound(f"this node acknowledged no transaction {uid}")
    active = found.active
    place = active and {
        "index": active.index,
        "hash": active.block.hash,
        "position": active.position,
    }
    return {
        **queries.described(found),
        "confirmations": found.confirmations,
        "place": place,
        "history": queries.history(found),
    }


@router.get(
    "/pool",
    response=shapes.Pool,
    url_name="pool",
    summary=_("The pool"),
    description=_("The transactions that wait for a block, in the order of their arrival."),
    openapi_extra=saying(headers=_NEXT),
)
async def pool(
    request: HttpRequest, response: HttpResponse, limit: Limit = 50, cursor: Cursor = None
) -> dict[str, Any]:
    most, after = paging.clamped(limit), paging.behind(cursor) or 0

    def read() -> tuple[tuple[int, int], list[Transaction]]:
        return mempool.pool_size(), queries.pool_page(most + 1, after=after)

    (count, size), rows = await lifecycle.current().reader.read_at_once(read)
    return {"count": count, "size": size, **_page(request, response, rows, most)}


def _page(
    request: HttpRequest, response: HttpResponse, rows: list[Transaction], most: int
) -> dict[str, Any]:
    shown, more = rows[:most], len(rows) > most
    following = str(shown[-1].pk) if more else None
    paging.link(request, response, following)
    return {"transactions": [_row(row) for row in shown], "next": following}


def _row(row: Transaction) -> dict[str, Any]:
    return queries.described(queries.Life(row, (), (), 0))
