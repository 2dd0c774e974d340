"""What goes wrong, as the problem it is."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from ninja.errors import HttpError, ValidationError

from ledger.node import errors

from ..errors import BadRequest
from ..problems import problem

logger = logging.getLogger(__name__)

_BY_STATUS: Final = {
    404: "not-found",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
}
_LONGEST: Final = 300  # characters of a reason: it may quote what was sent


class NotFound(BadRequest):
    """There is no such thing; the message says what was looked for."""

    def __init__(self, message: str) -> None:
        super().__init__(message, 404)


def answer(request: HttpRequest, error: Exception) -> HttpResponse:
    """The problem that an exception means. What is nobody's fault but ours is logged."""
    match error:
        case HttpError(__cause__=BadRequest() as cause):  # ninja wraps what its parser raises
            return answer(request, cause)
        case BadRequest():
            return problem(_BY_STATUS.get(error.status, "bad-request"), error.status, str(error))
        case RequestDataTooBig():
            return problem("too-large", 413, "the body is too large")
        case ValidationError():
            return _invalid(_faults(error.errors))
        case errors.NotAccepted():
            return _invalid([_by_the_rules(fault) for fault in error.faults])
        case errors.KeyReused():
            return problem("key-reused", 422, str(error))
        case errors.TipMoved():
            return problem("stale", 409, str(error))
        case errors.Overloaded():
            seconds = str(error.retry_after)
            return problem("overloaded", 503, str(error), Retry_After=seconds)
        case errors.NodeError() | DatabaseError():
            logger.warning("%s %s: %s", request.method, request.path, error)
            reason = str(error) if isinstance(error, errors.NodeError) else "the database fails"
            return problem("unavailable", 503, reason, Retry_After="5")
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return problem("failed", 500, "this node made a mistake; its log says more")


def _invalid(faults: list[dict[str, str]]) -> HttpResponse:
    return problem("invalid", 422, "; ".join(map(_said, faults)), {"errors": faults})


def _said(fault: dict[str, str]) -> str:
    """A fault in words. The rules' own begin with the name of what is at fault."""
    where, reason = fault["where"], fault["reason"]
    return reason if reason.startswith(where.rpartition(".")[2]) else f"{where}: {reason}"


def _by_the_rules(fault: str) -> dict[str, str]:
    return {"where": f"body.{fault.partition(' ')[0]}", "reason": fault}


def _faults(found: Iterable[dict[str, Any]]) -> list[dict[str, str]]:
    return [
        {"where": _place(fault["loc"]), "reason": _reason(str(fault["msg"]))} for fault in found
    ]


def _reason(message: str) -> str:
    return message.removeprefix("Value error, ")[:_LONGEST]


def _place(location: Iterable[str | int]) -> str:
    """Where a fault is, as `query.limit` or `body.amount`: without the name that only the view's
    parameter has."""
    source, *steps = map(str, location)
    return ".".join([source, *(steps[1:] if source == "body" else steps)])
