"""The article's five endpoints, to the letter (protocol, section 3).

Old clients and old nodes rely on the paths, statuses, keys and messages. What goes beyond the
article is marked: an `id` beside the message of an accepted transaction, `Idempotency-Key`, and
refusals where the article's node would take nonsense or fall over.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response

from ledger.access.policy import Place
from ledger.access.visitor import visitor_of
from ledger.node import chain_text, lifecycle, mempool, mining
from ledger.node.errors import Overloaded
from ledger.node.network import peers

from .body import json_body
from .compression import gzipped, takes_gzip
from .errors import BadRequest, answer_errors, methods, text

_JSON: Final = "application/json"
_ACKNOWLEDGED: Final = '{"message": "Transaction will be added to Block %d", "id": "%s"}'


@methods("GET", "HEAD")
@answer_errors
async def mine(request: HttpRequest) -> HttpResponseBase:
    """Mine a block and answer once it is on the chain. HEAD mines nothing."""
    if request.method == "HEAD":
        return HttpResponse(content_type=_JSON)
    asked = lifecycle.current().work.mine()
    try:
        # A client that hangs up cancels this task; that cancels the future, and so the search.
        block = await asyncio.wrap_future(asked.block)
    except Overloaded as error:
        return text(str(error), 429, Retry_After=str(error.retry_after))
    except mining.MiningCancelled as error:
        return text(str(error), 503, Retry_After="1")
    return JsonResponse(
        {
            "message": "New Block Forged",
            "index": block.index,
            "transactions": list(block.transactions),
            "proof": block.proof,
            "previous_hash": block.previous_hash,
        }
    )


@methods("POST")
@answer_errors
async def new_transaction(request: HttpRequest) -> HttpResponseBase:
    """Take a transaction into the pool; answer after it is on the disk."""
    values = json_body(request)
    if not isinstance(values, dict):
        raise BadRequest("the body must be a JSON object")
    if any(key not in values for key in ("sender", "recipient", "amount")):
        raise BadRequest("Missing values")
    node = lifecycle.current()
    submission = mempool.checked(values, node.identity.network, _idempotency_key(request))
    acknowledged = await node.writer.perform_batched(node.door.accept, submission)
    answer = _ACKNOWLEDGED % (acknowledged.index, acknowledged.uid)
    return HttpResponse(answer.encode("ascii"), status=201, content_type=_JSON)


@methods("GET", "HEAD")
@answer_errors
async def full_chain(request: HttpRequest) -> HttpResponseBase:
    """The whole active chain, as of one moment; 304 for who has it, compressed for who asks.

    The tag is weak: it stands for the text, compressed or not.
    """
    reader = lifecycle.current().reader
    if request.method == "HEAD" or "If-None-Match" in request.headers:
        tag = _tag((await reader.read(chain_text.tip)).hash)
        # Asked without a response, it answers None, 304 or 412.
        unsent = get_conditional_response(request, etag=tag)
        if unsent is not None or request.method == "HEAD":
            return _described(unsent or HttpResponse(content_type=_JSON), tag)
    pieces = chain_text.stream_behind_hash(reader)
    tag = _tag((await anext(pieces)).decode())
    # On this machine the way is shorter than the packing takes; `requests` asks for it always.
    if visitor_of(request).place is Place.MACHINE or not takes_gzip(request):
        return _described(StreamingHttpResponse(pieces, content_type=_JSON), tag)
    answer = StreamingHttpResponse(gzipped(pieces), content_type=_JSON)
    answer["Content-Encoding"] = "gzip"
    return _described(answer, tag)


def _tag(tip_hash: str) -> str:
    return f'W/"{tip_hash}"'


def _described(answer: HttpResponseBase, tag: str) -> HttpResponseBase:
    answer["ETag"] = tag
    answer["Vary"] = "Accept-Encoding"
    answer["Cache-Control"] = "no-cache"  # may be kept, and is asked for again each time
    return answer


@methods("POST")
@answer_errors
async def register_nodes(request: HttpRequest) -> HttpResponseBase:
    """Remember peers; all of those named, or none if one is not an address."""
    values = json_body(request)
    nodes = values.get("nodes") if isinstance(values, dict) else None
    if not isinstance(nodes, list) or not nodes:
        raise BadRequest("Error: Please supply a valid list of nodes")
    node = lifecycle.current()
    addresses = peers.parse_all(nodes, node.conf.peer_policy)
    known = await node.writer.perform(lambda: peers.register(addresses, node.conf.peers))
    return JsonResponse({"message": "New nodes have been added", "total_nodes": known}, status=201)


@methods("GET", "HEAD")
@answer_errors
async def resolve(request: HttpRequest) -> HttpResponseBase:
    """Ask all peers for their chains and follow the longest. HEAD asks nobody."""
    if request.method == "HEAD":
        return HttpResponse(content_type=_JSON)
    # Shielded: the round is shared with others who asked for it.
    future = asyncio.wrap_future(lifecycle.current().work.resolve())
    done = await asyncio.shield(future)
    if done.switch:
        return _stream('{"message": "Our chain was replaced", "new_chain": [', "]}")
    return _stream('{"message": "Our chain is authoritative", "chain": [', "]}")


def _stream(before: str, after: str) -> StreamingHttpResponse:
    pieces = chain_text.stream(lifecycle.current().reader, before, after)
    return StreamingHttpResponse(pieces, content_type=_JSON)


def _idempotency_key(request: HttpRequest) -> str | None:
    key: Any = request.META.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return None
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise BadRequest("Idempotency-Key is 1 to 255 printable ASCII characters")
    return str(key)
