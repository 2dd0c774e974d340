"""Real reorganisations for the pages to show, and pages read as text."""

from __future__ import annotations

import asyncio
import html
import re
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.http import HttpResponse
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from ledger.models import Reorganisation
from ledger.node import lifecycle
from ledger.node.mempool import Submission
from tests.node import chains

HOSTILE = '<script>alert("1")</script>'


def get(path: str, **headers: str) -> HttpResponse:
    return asyncio.run(AsyncClient().get(path, headers=headers))


def post(path: str, data: dict[str, str], **headers: str) -> HttpResponse:
    """A form as a page of ours sends it, with its token."""

    async def call() -> HttpResponse:
        client = AsyncClient(enforce_csrf_checks=True)
        shown = (await client.get("/peers")).content.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', shown)
        assert token
        body = urlencode({**data, "csrfmiddlewaretoken": token[1]})
        return await client.post(
            path, body, content_type="application/x-www-form-urlencoded", headers=headers
        )

    return asyncio.run(call())


def read(response: Any) -> str:
    """The text of a page, as it is read."""
    assert response.headers["Content-Type"].startswith("text/html")
    shown = re.sub(r"<(script|template)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())


def submit(node: lifecycle.Node, *values: Any) -> uuid.UUID:
    answer = node.writer.submit_batched(node.door.accept, Submission(*values))
    return answer.result().uid


def seal(node: lifecycle.Node, times: int = 1) -> None:
    for _ in range(times):
        chains.seal(node.identity.identifier, node.writer, node.identity.network)


def outgrow(
    node: lifecycle.Node, keep: int, contents: Sequence[Sequence[Any]], texts: Any = None
) -> list[str]:
    """A longer chain that shares the first `keep` blocks with ours, or with `texts`, comes from a
    peer and is adopted."""
    network = node.identity.network
    base = (texts or chains.active_texts())[:keep] or [chains.genesis(1.5, network)]
    chain = chains.grow(base, contents, 1.7e9 + Reorganisation.objects.count(), network)
    assert chains.adopt(chain, node.writer, network)
    return chain


def queries(build: Any) -> int:
    """How many questions to the database it takes to build a page."""
    with CaptureQueriesContext(connection) as captured:
        build()
    return len(captured)
