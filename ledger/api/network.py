"""What nodes of our kind ask each other: the wire is `ledger/node/network/README.md`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from ledger.access.visitor import visitor_of
from ledger.node import lifecycle, relayed
from ledger.node.errors import NodeError
from ledger.node.network import addresses, recognition, serving
from ledger.node.network.visit import News
from ledger.node.relayed import Batch

from .body import json_body
from .errors import BadRequest
from .problems import answer_problems, takes

LINES: Final = "application/x-ndjson"
_TOKEN: Final = re.compile(r"[A-Za-z0-9]{1,64}", re.ASCII)
_MOST_BLOCKS: Final = 100_000
_LARGEST: Final = 2**63 - 1
_PORTION: Final = 500  # lines


@takes("GET", "HEAD")
@answer_problems
async def node(request: HttpRequest) -> HttpResponseBase:
    """Who this node is, and where it stands."""
    current = lifecycle.current()
    if (token := request.GET.get("probe")) is not None:
        await asyncio.wrap_future(current.work.show_probe(_checked_token(token)))
    return JsonResponse(await current.reader.read_at_once(serving.description))


@takes("GET", "HEAD")
@answer_problems
async def probe(request: HttpRequest) -> HttpResponseBase:
    """Whether this node was shown that token lately."""
    token = _checked_token(request.GET.get("token", ""))
    seen = await asyncio.wrap_future(lifecycle.current().work.saw_probe(token))
    return JsonResponse({"seen": seen})


@takes("GET", "HEAD")
@answer_problems
async def blocks(request: HttpRequest) -> HttpResponseBase:
    """Blocks from where the asker's chain parts from ours: canonical texts, a line each."""
    locator = [digest for digest in request.GET.get("locator", "").split(",") if digest]
    if len(locator) > serving.LONGEST_LOCATOR:
        raise BadRequest(f"a locator has at most {serving.LONGEST_LOCATOR} hashes")
    if not all(map(recognition.is_hash, locator)):
        raise BadRequest("a locator is hashes with commas between, each 64 hex digits")
    limit = _whole(request, "limit", _MOST_BLOCKS)
    if request.method == "HEAD":
        return HttpResponse(content_type=LINES)
    reader = lifecycle.current().reader
    stream = serving.blocks(reader, locator, min(max(limit, 1), _MOST_BLOCKS))
    return StreamingHttpResponse(stream, content_type=LINES)


@takes("GET", "HEAD")
@answer_problems
async def transactions(request: HttpRequest) -> HttpResponseBase:
    """The transactions that this node knows, by the numbers they entered with."""
    after, only = _whole(request, "after", 0), request.GET.get("only")
    if only not in (None, relayed.WAITING):
        raise BadRequest(f"only is {relayed.WAITING!r}, if it is there")
    if request.method == "HEAD":
        return HttpResponse(content_type=LINES)
    batch = await lifecycle.current().reader.read_at_once(
        relayed.told, after, only_waiting=only is not None
    )
    return StreamingHttpResponse(_told(batch), content_type=LINES)


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


@takes("GET", "HEAD")
@answer_problems
async def known_addresses(request: HttpRequest) -> HttpResponseBase:
    """Peers that answered lately."""
    found = await lifecycle.current().reader.read(serving.known_addresses)
    return JsonResponse({"addresses": found})


@takes("POST")
@answer_problems
async def announcements(request: HttpRequest) -> HttpResponseBase:
    """Somebody says that there is something new, or that it is there. Taken as a hint."""
    values = json_body(request)
    if not isinstance(values, dict):
        raise BadRequest("the body must be a JSON object")
    try:
        news = News(
            identifier=recognition.word(values.get("identifier"), 64),
            address=_address(request, values),
            tip=recognition.position(values.get("tip")),
            newest=recognition.number((values.get("pool") or {}).get("newest", 0)),
        )
    except (ValueError, AttributeError) as error:
        raise BadRequest(f"this is no announcement: {error}") from None
    except NodeError as error:
        raise BadRequest(str(error), 422) from None
    current = lifecycle.current()
    if news.identifier != current.identity.identifier:
        current.work.heard(news)
    return HttpResponse(status=204)


def _address(request: HttpRequest, values: dict[str, Any]) -> str:
    """What the sender is to be called: as it says, or as its connection shows."""
    address = values.get("address")
    if address is None:
        host, port = visitor_of(request).address, recognition.number(values.get("port"))
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    parsed = addresses.parse(address)
    addresses.check_literal(parsed, lifecycle.current().conf.peer_policy)
    return parsed


def _checked_token(token: str) -> str:
    if not _TOKEN.fullmatch(token):
        raise BadRequest("a token is 1 to 64 letters and digits")
    return token


def _whole(request: HttpRequest, name: str, otherwise: int) -> int:
    text = request.GET.get(name, str(otherwise))
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > _LARGEST:
        raise BadRequest(f"{name} is a number from 0 to {_LARGEST}")
    return int(text)
