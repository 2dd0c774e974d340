"""What nodes of our kind ask each other (`ledger/node/network/README.md`)."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from ledger.node import lifecycle, relayed
from ledger.node.errors import NotAccepted
from ledger.node.relayed import Batch

from .problem import answers

_LINES: Final = "application/x-ndjson"
_LARGEST: Final = 2**63 - 1
_PORTION: Final = 500  # lines


@answers("GET", "HEAD")
async def transactions(request: HttpRequest) -> HttpResponseBase:
    """The transactions that this node knows, by the numbers they entered with."""
    after, only_waiting = _after(request), _only_waiting(request)
    if request.method == "HEAD":
        return HttpResponse(content_type=_LINES)
    reader = lifecycle.current().reader
    batch = await reader.read_at_once(relayed.told, after, only_waiting=only_waiting)
    return StreamingHttpResponse(_told(batch), content_type=_LINES)


async def _told(batch: Batch) -> AsyncIterator[bytes]:
    head = {"tip": {"index": batch.index, "hash": batch.tip}, "newest": batch.newest}
    texts = [json.dumps(head)]
    for line in batch.lines:
        told: dict[str, Any] = {"entered": line.entered, "uid": str(line.uid), **line.values}
        texts.append(json.dumps(told | {"floor": line.floor, "state": line.state}))
        if len(texts) == _PORTION:
            yield ("\n".join(texts) + "\n").encode()
            texts = []
    if texts:
        yield ("\n".join(texts) + "\n").encode()


def _after(request: HttpRequest) -> int:
    text = request.GET.get("after", "0")
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > _LARGEST:
        raise NotAccepted(f"after is a number from 0 to {_LARGEST}")
    return int(text)


def _only_waiting(request: HttpRequest) -> bool:
    only = request.GET.get("only")
    if only not in (None, relayed.WAITING):
        raise NotAccepted(f"only is {relayed.WAITING!r}, if it is there")
    return only is not None
