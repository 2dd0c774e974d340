"""What it costs to answer, counted where the pages read."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from unittest import mock
from urllib.parse import ParseResult, unquote

from django.db import connection
from django.http import HttpResponse
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext

from ledger.node import reading

NAMES = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></template></bdi><h1>owned</h1>",
    "a/b//c?d=e#f%25 g&h",
    "..",
    ".",
    "../../etc",
    "//example.org",
    "back\\slash 'quote' \"quotes\"",
    "مرحبا بالعالم",
    "\u202eright to left\u2066",
    "앨리스",
    "🚀👩‍👩‍👧",
    " white ",
    "{{ 7*7 }}{% now 'Y' %}${7}",
    "x" * 256,
)


class _Client(AsyncClient):
    def _get_path(self, parsed: ParseResult) -> str:
        """As servers hand a path on. Django's own client mistakes its UTF-8 for Latin-1."""
        return unquote(parsed.path)


def get(path: str) -> HttpResponse:
    return asyncio.run(_Client().get(path))


def queries_of(path: str, status: int = 200) -> int:
    """How many statements an answer takes, the frame around the page included."""
    counts: list[int] = []
    fresh = reading._fresh

    def counted(function: Any, *arguments: Any, **options: Any) -> Any:
        with CaptureQueriesContext(connection) as captured:
            answer = fresh(function, *arguments, **options)
        counts.append(len(captured))
        return answer

    with mock.patch.object(reading, "_fresh", counted):
        assert get(path).status_code == status
    return sum(counts)


def marked_up(response: HttpResponse) -> str:
    """The page without what its head and its words say."""
    text = response.content.decode()
    return re.sub(r"<script\b.*?</script>", "", text[text.index("<main") :], flags=re.S)
