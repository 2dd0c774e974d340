"""Mining: the node's own search, and templates for others to search for.

From another machine, starting, cancelling and submitting need the operator, as GET /mine does.
"""

from __future__ import annotations

import asyncio
import json
import logging
from concurrent.futures import Future
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_noop as _
from ninja import Query, Router
from ninja.responses import Status

from ledger.consensus import Refused
from ledger.consensus.policy import NAME_CHARACTERS
from ledger.node import chainstate, events, lifecycle, outside, sealing, waiting
from ledger.node.errors import NotAccepted, Overloaded
from ledger.node.mining import MiningCancelled, MiningState
from ledger.node.outside import Offer

from ..problems import problem
from .described import PROBLEM, saying
from .schemas import mining as shapes

logger = logging.getLogger(__name__)
router = Router(tags=["mining"])

Wait = Annotated[
    float,
    Query(
        ge=0,
        le=86400,
        description=_("Seconds to hold on until there is news, 30 at most; 0 answers at once."),
    ),
]
Seen = Annotated[str | None, Query(max_length=64, description=_("The tip's hash as last seen."))]


@router.get(
    "/mining",
    response=shapes.Search,
    url_name="mining",
    summary=_("How the search goes"),
    description=_("With `wait`, answered when a search begins or ends, or the time is over."),
    openapi_extra=saying(),
)
async def state(request: HttpRequest, wait: Wait = 0) -> dict[str, Any]:
    work = lifecycle.current().work
    begun = work.mining().searching

    async def changed() -> bool | None:
        return True if work.mining().searching != begun else None

    await waiting.until(changed, wait)
    return _described(work.mining())


def _described(state: MiningState) -> dict[str, Any]:
    return {**asdict(state), "odds": str(state.odds)}


@router.post(
    "/mining",
    response={202: shapes.Started},
    url_name="mining",
    summary=_("Start a search"),
    description=_(
        "Answered at once. The block comes as an event; GET /mining tells how the search goes."
        " Past a short queue, 429."
    ),
    openapi_extra={
        "responses": {
            202: {
                "headers": {
                    "Location": {
                        "description": _("Where the search can be watched."),
                        "schema": {"type": "string"},
                    }
                }
            }
        }
    },
)
async def start(request: HttpRequest, response: HttpResponse) -> Any:
    def read() -> tuple[int, int]:
        return chainstate.tip().index, events.newest()

    node = lifecycle.current()
    index, newest = await node.reader.read_at_once(read)
    asked = node.work.mine()
    asked.block.add_done_callback(_note_failure)
    try:
        await asyncio.wrap_future(asked.accepted)
    except Overloaded as error:
        return problem("overloaded", 429, str(error), Retry_After=str(error.retry_after))
    response.headers["Location"] = reverse("v1:mining")
    return Status(202, {"index": index + 1, "after": newest})


def _note_failure(search: Future[Any]) -> None:
    """Nobody waits for a search started here: what went wrong with it is for the log."""
    error = None if search.cancelled() else search.exception()
    if error is not None and not isinstance(error, MiningCancelled | Overloaded):
        logger.warning("a search that nobody waits for failed: %s", error)


@router.delete(
    "/mining",
    response=shapes.Cancelled,
    url_name="mining",
    summary=_("Cancel the searches"),
    description=_("The one under way and those that wait, whoever asked for them."),
    openapi_extra=saying(),
)
async def cancel(request: HttpRequest) -> dict[str, Any]:
    return {"cancelled": await asyncio.wrap_future(lifecycle.current().work.cancel_mining())}


@router.get(
    "/mining/template",
    response=shapes.Template,
    url_name="mining-template",
    summary=_("A block to search a proof for"),
    description=_(
        "The next block as of now, frozen: the pool in the order of its arrival, as much as fits,"
        " and the reward. With `wait` and `tip`, answered when the tip is another one than that,"
        " or the time is over."
    ),
    openapi_extra=saying(),
)
async def template(
    request: HttpRequest,
    recipient: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=NAME_CHARACTERS,
            pattern=r"^[^\x00-\x1f\x7f-\x9f]+$",
            description=_("Who gets the reward; this node, if nobody is named."),
            examples=["alice"],
        ),
    ] = None,
    wait: Wait = 0,
    tip: Seen = None,
) -> HttpResponse:
    reader = lifecycle.current().reader

    async def moved() -> bool | None:
        now = await reader.read(chainstate.tip)
        return True if now.block.hash != tip else None

    if tip is not None:
        await waiting.until(moved, wait)
    # Not by way of ninja, which would look at each of some thousand transactions in the event loop.
    text = await reader.read_at_once(lambda: json.dumps(_offered(outside.offer(recipient))))
    return HttpResponse(text, content_type="application/json")


def _offered(offer: Offer) -> dict[str, Any]:
    template = offer.template
    before, after = template.message_parts()
    return {
        "template": offer.name,
        "index": template.index,
        "previous_hash": template.parent.hash,
        "timestamp": template.value["timestamp"],
        "puzzle": {
            "before": before.decode(),
            "after": after.decode(),
            "zeros": template.network.difficulty,
        },
        "transactions": [
            {**one, "amount": str(one["amount"])} for one in template.value["transactions"]
        ],
    }


@router.post(
    "/mining/blocks",
    response={201: shapes.Sealed},
    url_name="mining-blocks",
    summary=_("Submit a proof"),
    description=_(
        "The template's block is judged, and put on the chain if the tip and each of its"
        " transactions are as they were: if not, 409, and a new template is due."
    ),
    openapi_extra=saying(body={"template": "…", "proof": 35293})
    | {
        "responses": {
            201: {
                "headers": {
                    "Location": {
                        "description": _("The block by its hash."),
                        "schema": {"type": "string"},
                    }
                }
            },
            409: PROBLEM,
        }
    },
)
async def submit(request: HttpRequest, response: HttpResponse, found: shapes.Proof) -> Status:
    node = lifecycle.current()
    template = await node.reader.read_at_once(outside.recalled, found.template)
    try:
        block = await node.writer.perform(partial(sealing.seal, template, found.proof))
    except Refused as refused:
        raise NotAccepted(refused.detail) from None
    response.headers["Location"] = reverse("v1:block", args=[block.hash])
    count = len(block.transactions)
    return Status(201, {"index": block.index, "hash": block.hash, "transactions": count})
