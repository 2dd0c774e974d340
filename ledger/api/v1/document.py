"""The OpenAPI document: what ninja tells of the operations, and what holds for all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from typing import Any, Final

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern
from django.utils.translation import gettext_noop as _
from ninja import NinjaAPI

from ledger.access.policy import READ, rule_of

from ..problems import ADVICE, MEDIA_TYPE, STATUSES, TITLES
from . import peer_wire
from .described import PROBLEM
from .edge import edge

PREFIX: Final = "/api/v1/"
METHODS: Final = ("get", "post", "delete")

ABOUT: Final = (
    _(
        "Everything this node shows, for programs. Reading is open to everybody and to pages of"
        " any site; what costs the node work is the operator's, from another machine."
    ),
    _(
        "Amounts, sums and proofs are strings of decimal digits: JavaScript's numbers end at 2^53."
        " Where a block's own JSON counts, take its exact bytes."
    ),
    _(
        "Lists come in pages: `next` in the body is the `cursor` of the page behind, and `Link`"
        " leads there. Answers have an `ETag`; what a hash names may be kept for ever."
    ),
    _(
        "HEAD and OPTIONS work everywhere, a slash at the end changes nothing, and every refusal"
        " is `application/problem+json` whose `type` stays as it is."
    ),
)
TAGS: Final = {
    "node": _("Node"),
    "blocks": _("Blocks"),
    "transactions": _("Transactions"),
    "addresses": _("Addresses"),
    "mining": _("Mining"),
    "forks": _("Forks"),
    "network": _("Peers"),
    "events": _("Events"),
    "statistics": _("Statistics"),
    "search": _("Search"),
    "checks": _("Dry runs"),
    "exports": _("Exports"),
    "nodes": _("Between nodes"),
}
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {
            "type": "string",
            "format": "uri-reference",
            "enum": [f"/api/problems/{name}" for name in TITLES],
        },
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "reason"],
                "properties": {"where": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
_TOO_OFTEN: Final = {
    "description": "Too many requests",
    "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def view(api: NinjaAPI) -> Callable[[HttpRequest], Awaitable[Any]]:
    """What answers at `/api/v1/openapi.json`."""

    async def openapi(request: HttpRequest) -> HttpResponse:
        if request.method != "GET":  # HEAD is, by now
            return HttpResponseNotAllowed(["GET"])
        return JsonResponse(of(api), json_dumps_params={"indent": 1})

    return edge(openapi)


@cache
def of(api: NinjaAPI) -> dict[str, Any]:
    """The document. It is the same for every visitor: the server is the one it came from."""
    made = dict(api.get_openapi_schema(path_prefix=PREFIX))
    made["info"]["description"] = "\n\n".join(ABOUT)
    made["servers"] = [{"url": "/"}]
    made["tags"] = [{"name": name, "description": said} for name, said in TAGS.items()]
    made["paths"] = {**peer_wire.PATHS, **made["paths"]}
    components = made["components"]
    components["schemas"]["Problem"] = _PROBLEM
    components["responses"] = {
        "Problem": {
            "description": "A refusal, and why",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
        "TooOften": _TOO_OFTEN,
    }
    made["x-problems"] = _problems()
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    names = {_spelled(route): f"v1:{pattern.name}" for route, pattern in routes(api).items()}
    for path, method, operation in operations(made):
        _complete(operation, names.get(path, operation["operationId"]), method)
    return made


def _problems() -> list[dict[str, Any]]:
    return [
        {"name": name, "title": title, "statuses": STATUSES[name], "advice": ADVICE[name]}
        for name, title in TITLES.items()
    ]


def operations(made: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of each."""
    for path, methods in made["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def routes(api: NinjaAPI) -> dict[str, URLPattern]:
    """Ninja's URLs, each path once: it names one for each of its methods."""
    found: dict[str, URLPattern] = {}
    for pattern in api.urls[0]:
        if (route := str(pattern.pattern)) and isinstance(pattern, URLPattern):
            found.setdefault(route, pattern)
    return found


def _spelled(route: str) -> str:
    """As the document has it."""
    return f"{PREFIX}{route}".replace("<", "{").replace(">", "}")


def _complete(operation: dict[str, Any], route: str, method: str) -> None:
    """What holds for every operation of its kind."""
    responses = operation["responses"]
    operation["operationId"] = f"{method}-{route.removeprefix('v1:')}"
    responses.setdefault(429, {"$ref": "#/components/responses/TooOften"})
    responses.setdefault(503, PROBLEM)
    if operation["parameters"] or "requestBody" in operation:
        responses.setdefault(400, PROBLEM)
        responses.setdefault(422, PROBLEM)
    if method == "get":
        responses.setdefault(304, {"description": "Not Modified"})
    else:
        responses.setdefault(403, PROBLEM)
    if "requestBody" in operation:
        responses.setdefault(413, PROBLEM)
        responses.setdefault(415, PROBLEM)
    if rule_of(route).asks_for(method.upper()).elsewhere is not READ.elsewhere:
        responses.setdefault(401, PROBLEM)
        operation["security"] = [{}, {"token": []}]
    operation["responses"] = {str(status): responses[status] for status in sorted(responses)}
    for parameter in operation["parameters"]:
        _plain(parameter)


def _plain(parameter: dict[str, Any]) -> None:
    """Of a schema's examples the first is the parameter's; there, `examples` is something else."""
    for of in (parameter, parameter["schema"]):
        examples = of.pop("examples", None)
        if examples:
            parameter.setdefault("example", examples[0])
        of.pop("title", None)
    kinds = [kind for kind in parameter["schema"].get("anyOf", ()) if kind != {"type": "null"}]
    if len(kinds) == 1:  # what is not there is null here; in a query there is no such thing
        parameter["schema"] = kinds[0]
    parameter["schema"].pop("description", None)
