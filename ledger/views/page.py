"""How a page answers.

A page is built from plain data, read in one moment; the same data is its raw JSON, one click away
(`?as=json`). What every page shows (where the node stands, for the bar and the footer) is added
here, so that no page reads it for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from ledger.access.visitor import visitor_of
from ledger.node import lifecycle, overview

from . import places
from .tokens import give_token

Data = dict[str, Any]


async def answer(
    request: HttpRequest,
    template: str,
    build: Callable[[], Data | None],
    *,
    status: int = 200,
    **extra: Any,
) -> HttpResponse:
    """The page `template` over the data that `build` reads; 404 if it finds none.

    `extra` goes to the template and not into the JSON: forms, notices, names for the navigation.
    """
    data, frame = await lifecycle.current().reader.read_at_once(lambda: (build(), overview.frame()))
    if data is None:
        raise Http404
    if request.GET.get("as") == "json":
        response: HttpResponse = JsonResponse(data, status=status, json_dumps_params={"indent": 1})
    else:
        values = {
            **frame,
            **data,
            "may": await visitor_of(request).may_on_pages(),
            "in_api": places.in_api(request.resolver_match, data),
            "lasting": places.lasting(request, data),
            **extra,
        }
        response = give_token(request, lambda: render(request, template, values, status=status))
    response.headers["Cache-Control"] = "private, no-cache"
    return response
