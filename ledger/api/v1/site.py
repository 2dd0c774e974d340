"""The resources put together: one django-ninja API, and its URLs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, re_path
from ninja import NinjaAPI
from ninja.parser import Parser

from ..body import json_body
from . import (
    addresses,
    blocks,
    checks,
    edge,
    events,
    exports,
    forks,
    mining,
    peers,
    refusals,
    search,
    statistics,
    transactions,
)
from . import document as documents


class _StrictParser(Parser):
    """Bodies as the five endpoints read them."""

    def parse_body(self, request: HttpRequest) -> Any:
        return json_body(request)


class _Api(NinjaAPI):
    def get_content_type(self) -> str:
        return "application/json"  # JSON is UTF-8; it has no parameter

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        return refusals.answer(request, exc)


api = _Api(
    title="chainsite",
    version="1",
    urls_namespace="v1",
    openapi_url=None,
    docs_url=None,
    parser=_StrictParser(),
)
for module in (
    checks,  # first: `check` is neither a block nor a transaction
    *(blocks, transactions, addresses, mining, peers, forks, events, statistics, search, exports),
):
    api.add_router("", module.router)


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return documents.of(api)


def patterns() -> list[URLPattern]:
    """Every path with and without a slash at its end: a redirect would lose a body."""
    return [*_of_operations(), *_spelled("openapi.json", documents.view(api), "openapi"), *_rest()]


def _of_operations() -> Iterator[URLPattern]:
    for route, pattern in documents.routes(api).items():
        view: Any = pattern.callback
        assert pattern.name
        yield from _spelled(route, edge.edge(view), pattern.name)


def _spelled(route: str, view: Any, name: str) -> Iterator[URLPattern]:
    yield path(f"{route}/", view, name=name)
    yield path(route, view, name=name)  # last: this is the one that `reverse` finds


def _rest() -> Iterator[URLPattern]:
    yield re_path(r"^(?:.*)$", edge.unknown, name="unknown")
