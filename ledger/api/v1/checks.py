"""Dry runs: what this node would say, with every reason, and no effect."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_noop as _
from ninja import Router

from ledger.node import examining, lifecycle

from ..body import json_body
from ..errors import BadRequest
from .described import saying
from .schemas import checks as shapes
from .transactions import EXAMPLE

router = Router(tags=["checks"])

_OBJECT: dict[str, Any] = {"type": "object"}
_ANYTHING: dict[str, Any] = {}
_BLOCK: dict[str, Any] = {
    "index": 2,
    "timestamp": 1700000000.5,
    "transactions": [{"sender": "0", "recipient": "alice", "amount": 1}],
    "proof": 35293,
    "previous_hash": "0" * 64,
}


def _body(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    extra = saying(413, 415)
    content = {"application/json": {"schema": schema, "example": example}}
    return extra | {"requestBody": {"required": True, "content": content}}


@router.post(
    "/transactions/check",
    response=shapes.TransactionVerdict,
    url_name="check-transaction",
    summary=_("Would this transaction be taken?"),
    description=_("Judged as if it were sent, with every reason; nothing is stored."),
    openapi_extra=_body(_OBJECT, {**EXAMPLE, "amount": -5}),
)
async def transaction(request: HttpRequest) -> dict[str, Any]:
    values = json_body(request)
    if not isinstance(values, dict):
        raise BadRequest("the body must be a JSON object")
    node = lifecycle.current()
    limits = (node.conf.pool_transactions, node.conf.pool_bytes)
    reasons = await node.reader.read_at_once(
        examining.transaction, _with_plain_amount(values), node.identity.network, limits
    )
    return {"acceptable": not reasons, "reasons": reasons}


def _with_plain_amount(values: dict[str, Any]) -> dict[str, Any]:
    """An amount may come as digits, as where transactions are sent."""
    amount = values.get("amount")
    if isinstance(amount, str) and amount.isascii() and amount.isdigit() and len(amount) < 20:
        return {**values, "amount": int(amount)}
    return values


@router.post(
    "/blocks/check",
    response=shapes.BlockVerdict,
    url_name="check-block",
    summary=_("Would this block be valid?"),
    description=_(
        "The body is the block's JSON, whose numbers are read as this node's dialect reads them."
        " Where the rules stop at the first fault, this names all. A block that follows none this"
        " node holds is judged as the next one. At most 64 KiB; nothing is stored."
    ),
    openapi_extra=_body(_ANYTHING, _BLOCK),
)
async def block(request: HttpRequest) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise BadRequest("Content-Type must be application/json", 415)
    node = lifecycle.current()
    found = await node.reader.read_at_once(examining.block, request.body, node.identity.network)
    faults = [{"reason": str(fault.reason), "detail": fault.detail} for fault in found.faults]
    if found.mark:
        faults.append({"reason": "marked-invalid", "detail": found.mark})
    parent = found.parent
    return {
        "valid": found.is_valid,
        "faults": faults,
        "hash": found.block.hash if found.block else None,
        "canonical": found.block.canonical if found.block else None,
        "parent": parent and {"index": parent.index, "hash": parent.hash, "active": found.active},
        "known": found.is_known,
        "irregular": [
            {"position": position, "reason": reason} for position, reason in found.irregular.items()
        ],
    }
