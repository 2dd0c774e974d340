"""The pages, and what their forms do. They read through `ledger.node.overview`.

A form works without scripts, answered by a page or the way to one, and with them, answered in
JSON if that is what the client prefers.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ledger import faults
from ledger.node import lifecycle, mempool, overview
from ledger.node.errors import KeyReused, NodeError, NotAccepted, Overloaded
from ledger.node.mining import MiningCancelled
from ledger.queries import forks, statistics

from . import notices, page
from .posting import form_target, token_check, wants_json

logger = logging.getLogger(__name__)

_KEY: Final = re.compile(r"[0-9a-f]{32}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,400}")
_DOTS_SHOWN: Final = 30  # of the transactions that wait
_FIELDS: Final = ("sender", "recipient", "amount")


@dataclass
class Sending:
    """The transaction form: what was typed, and what is wrong with it.

    `key` makes sending the same form again harmless (`Idempotency-Key`, in the API).
    """

    sender: str = ""
    recipient: str = ""
    amount: str = ""
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, posted: Mapping[str, str]) -> Sending:
        sender, recipient, amount = (posted.get(name, "") for name in _FIELDS)
        sending = cls(sender, recipient, amount)
        if _KEY.fullmatch(key := posted.get("key", "")):
            sending.key = key
        return sending

    def submission(self) -> mempool.Submission:
        """Raises `NotAccepted`, and fills `errors`."""
        amount = self.amount.strip()
        is_integer = _INTEGER.fullmatch(amount)
        values = {
            "sender": self.sender,
            "recipient": self.recipient,
            "amount": int(amount) if is_integer else amount,
        }
        try:
            return mempool.checked(values, lifecycle.current().identity.network, self.key)
        except NotAccepted as refused:
            for fault in refused.faults:  # "sender must not be empty"
                name, _, reason = fault.partition(" ")
                self.errors[name] = faults.said(reason)
            raise


@require_safe
@token_check
async def dashboard(request: HttpRequest) -> HttpResponse:
    """Where things stand, and the forms."""
    response = await _page(request, notice=notices.found(request))
    notices.take_away(request, response)
    return response


@require_safe
async def kiosk(request: HttpRequest) -> HttpResponse:
    """The same, large and without anything to press, for a wall or a projector."""
    return await page.answer(request, "ledger/kiosk.html", _matter, **_shown())


@form_target
async def submit_transaction(request: HttpRequest) -> HttpResponse:
    """Take a transaction into the pool; answer after it is on the disk."""
    sending = Sending.of(request.POST)
    node = lifecycle.current()
    try:
        acknowledged = await node.writer.perform_batched(node.door.accept, sending.submission())
    except NotAccepted:
        return await _failed(
            request, _("It was not sent. See beside the fields why."), 422, sending
        )
    except KeyReused:
        sending.key = secrets.token_hex(16)
        message = _(
            "This form was sent before, with other values. If you mean these too, send again."
        )
        return await _failed(request, message, 409, sending)
    except NodeError as error:
        response = await _failed(
            request,
            _("It was not sent: {reason}.").format(reason=faults.said(str(error))),
            503,
            sending,
        )
        return _later(response, error)
    return _done(request, "accepted", acknowledged.index, 201, id=str(acknowledged.uid))


@form_target
async def start_mining(request: HttpRequest) -> HttpResponse:
    """Ask for a block, and do not wait for it: the page shows how the search goes."""
    node = lifecycle.current()
    tip = await node.reader.read(overview.tip_index)
    try:
        asked = node.work.mine()
        await asyncio.wrap_future(asked.accepted)
        asked.block.add_done_callback(_note_failure)
    except NodeError as error:
        status = 429 if isinstance(error, Overloaded) else 503
        message = _("No search was started: {reason}.").format(reason=faults.said(str(error)))
        response = await _failed(request, message, status)
        return _later(response, error)
    return _done(request, "mining", tip + 1, 202)


@form_target
async def cancel_mining(request: HttpRequest) -> HttpResponse:
    """Give up the search under way, and those that wait."""
    work = lifecycle.current().work
    cancelled = await asyncio.wrap_future(work.cancel_mining())
    for _look in range(25):  # the search notices within a moment; the page that follows shows it
        if work.mining().searching is None:
            break
        await asyncio.sleep(0.02)
    return _done(request, "cancelled" if cancelled else "idle", 0, 200)


def _later(response: HttpResponse, error: NodeError) -> HttpResponse:
    """Say when asking again makes sense."""
    seconds = error.retry_after if isinstance(error, Overloaded) else 5
    response.headers["Retry-After"] = str(seconds)
    return response


def _note_failure(search: Future[Any]) -> None:
    """Nobody waits for a search started here: what went wrong with it is for the log."""
    error = None if search.cancelled() else search.exception()
    if error is not None and not isinstance(error, MiningCancelled):
        logger.warning("a search that was started on a page failed: %s", error)


def _done(
    request: HttpRequest, notice: str, index: int, status: int, **extra: object
) -> HttpResponse:
    """It worked: say so in JSON, or have the dashboard say so (post, redirect, get)."""
    if wants_json(request):
        message = notices.text(notice, index)
        return JsonResponse({"message": message, **extra}, status=status)
    response = redirect("ledger:dashboard")
    response.status_code = 303
    notices.leave(response, notice, index)
    return response


async def _failed(
    request: HttpRequest, message: str, status: int, sending: Sending | None = None
) -> HttpResponse:
    """It did not: say why, in JSON or on the page, with what was typed still in the form."""
    if wants_json(request):
        errors = sending.errors if sending else {}
        return JsonResponse({"message": message, "errors": errors}, status=status)
    return await _page(request, status=status, problem=message, sending=sending)


async def _page(
    request: HttpRequest,
    *,
    status: int = 200,
    notice: str = "",
    problem: str = "",
    sending: Sending | None = None,
) -> HttpResponse:
    return await page.answer(
        request,
        "ledger/dashboard.html",
        _matter,
        status=status,
        **_shown(),
        notice=notice,
        problem=problem,
        sending=sending or Sending(),
    )


def _matter() -> page.Data:
    """Where things stand, with the two cards that look further back."""
    cards = {"interval_card": statistics.interval_card(), "forks_card": forks.card()}
    return {**overview.overview(), **cards}


def _shown() -> dict[str, Any]:
    """How many there are of what, at most."""
    return {
        "page": "dashboard",
        "blocks_shown": overview.BLOCKS_SHOWN,
        "dots_shown": _DOTS_SHOWN,
        "transactions_shown": overview.TRANSACTIONS_SHOWN,
        "news_shown": overview.NEWS_SHOWN,
    }
