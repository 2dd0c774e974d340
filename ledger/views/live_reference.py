"""The documentation of the WebSocket, made from its AsyncAPI document, and a page to try it.

The document is handed in by the wiring, since pages and WebSocket do not know each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from . import page

Document = Callable[[str], dict[str, Any]]


@require_safe
async def docs(request: HttpRequest, document: Document) -> HttpResponse:
    """Topics, frames, messages, close codes and limits."""
    made = document(request.get_host())
    about = made["info"]["description"].split("\n\n")
    return await page.answer(
        request,
        "ledger/live_docs.html",
        partial(_matter, made),
        page="api",
        about=about,
        socket=_address(request),
    )


@require_safe
async def attempt(request: HttpRequest, document: Document) -> HttpResponse:
    """A page that follows topics and shows the frames as they come."""
    made = document(request.get_host())
    return await page.answer(
        request,
        "ledger/live_try.html",
        lambda: {"topics": list(made["x-topics"])},
        page="api",
        socket=_address(request),
    )


@require_safe
async def asyncapi(request: HttpRequest, document: Document) -> HttpResponse:
    """The document itself."""
    response = JsonResponse(document(request.get_host()), json_dumps_params={"indent": 1})
    response.headers["Cache-Control"] = "no-cache"
    return response


def _address(request: HttpRequest) -> str:
    return f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}/ws/"


def _matter(made: dict[str, Any]) -> page.Data:
    of_kind = made["components"]["messages"]
    told = [one["$ref"].rpartition("/")[2] for one in made["operations"]["tell"]["messages"]]
    return {
        "topics": [{"name": name, "meaning": said} for name, said in made["x-topics"].items()],
        "frames": [
            {
                "kind": kind,
                "meaning": of_kind[kind]["summary"],
                "topics": of_kind[kind]["x-topics"],
                "sample": _shown(of_kind[kind]["examples"][0]["payload"]),
            }
            for kind in told
        ],
        "sayings": [json.dumps(one["payload"]) for one in of_kind["request"]["examples"]],
        "errors": [{"code": code, "meaning": said} for code, said in made["x-errors"].items()],
        "codes": [{"code": code, "meaning": said} for code, said in made["x-close-codes"].items()],
        "limits": [
            {"name": name, "value": one["value"], "meaning": one["description"]}
            for name, one in made["x-limits"].items()
        ],
    }


def _shown(sample: Any) -> str:
    return json.dumps(sample, indent=1, ensure_ascii=False)
