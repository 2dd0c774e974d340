"""The documentation of the versioned API, made from its OpenAPI document.

The document is handed in by the wiring, since pages and API do not know each other. Its examples
are filled with what this node has, so that each runs as it is pasted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote, urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from ledger.node import chainstate, lifecycle
from ledger.queries import forks, transactions

from . import mining_program, page, snippets

Document = Callable[[], dict[str, Any]]

_METHODS: Final = ("get", "post", "delete")


@require_safe
async def docs(request: HttpRequest, document: Document) -> HttpResponse:
    """Every operation: what it takes, what it answers, and how to ask."""
    made = document()
    host = f"{request.scheme}://{request.get_host()}"
    return await page.answer(
        request, "ledger/docs.html", partial(_matter, made, host), page="api", about=_about(made)
    )


@require_safe
async def problem(request: HttpRequest, name: str, document: Document) -> HttpResponse:
    """Where the `type` of a problem leads: to what is said of it on the page."""
    if name not in {one["name"] for one in document()["x-problems"]}:
        raise Http404
    return redirect(f"{reverse('reference:docs')}#problem-{name}")


def _about(made: dict[str, Any]) -> list[str]:
    return str(made["info"]["description"]).split("\n\n")


def _matter(made: dict[str, Any], host: str) -> page.Data:
    have = _have()
    described = [
        _operation(made, path, method, methods[method], host, have)
        for path, methods in made["paths"].items()
        for method in _METHODS
        if method in methods
    ]
    groups = [
        {
            "name": tag["name"],
            "title": tag["description"],
            "operations": [one for one in described if one["tag"] == tag["name"]],
        }
        for tag in made["tags"]
    ]
    return {
        "groups": groups,
        "shapes": [
            _shape(name, schema) for name, schema in sorted(made["components"]["schemas"].items())
        ],
        "problems": made["x-problems"],
    }


def _have() -> dict[str, str]:
    """What this node has that examples may name; on a new node, what it would have."""
    tip = chainstate.tip()
    newest, left = transactions.latest(1), forks.journal(1)
    have = {"block": tip.block.hash, "identifier": lifecycle.current().identity.identifier}
    if newest:
        have |= {"id": str(newest[0].uid), "name": newest[0].sender}
    if left:
        have["reorganisation"] = str(left[0].pk)
    return have


def _operation(
    made: dict[str, Any],
    path: str,
    method: str,
    said: dict[str, Any],
    host: str,
    have: Mapping[str, str],
) -> dict[str, Any]:
    body = _body(said)
    url = host + _filled(path, said["parameters"], have)
    value = _with_own(body["example"], have) if body else None
    answers = [_answer(status, of) for status, of in said["responses"].items()]
    return {
        "id": said["operationId"],
        "tag": said["tags"][0],
        "method": method.upper(),
        "path": path,
        "summary": said["summary"],
        "description": said.get("description", ""),
        "operator": "security" in said,
        "parameters": [_parameter(one) for one in said["parameters"]],
        "body": body and {"kind": _kind(body["schema"]), "shape": _named(body["schema"])},
        "answers": [one for one in answers if int(one["status"]) < 400],
        "headers": [
            {"name": name, "description": of["description"]}
            for one in said["responses"].values()
            for name, of in one.get("headers", {}).items()
        ],
        "refusals": [one["status"] for one in answers if int(one["status"]) >= 400],
        "tabs": mining_program.tabs(host)
        if said["operationId"] == "post-mining-blocks"
        else snippets.tabs(method.upper(), url, value, answer=_form(said)),
    }


def _filled(path: str, parameters: Iterable[dict[str, Any]], have: Mapping[str, str]) -> str:
    """The path with the examples of its parameters in their places."""
    query = {}
    for one in parameters:
        example = one.get("example")
        if one["name"] in ("block", "id", "name") and one["required"]:
            example = have.get(_asked(path, one["name"]), example)
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(str(example), safe=""))
        elif one["in"] == "query" and example is not None:
            query[one["name"]] = example
    return path + (f"?{urlencode(query)}" if query else "")


def _asked(path: str, name: str) -> str:
    return "reorganisation" if path.startswith("/api/v1/reorganisations") else name


def _with_own(value: Any, have: Mapping[str, str]) -> Any:
    """An announcement of one's own does nothing: the one to try it with."""
    if isinstance(value, dict) and "identifier" in value:
        return {**value, "identifier": have["identifier"]}
    return value


def _body(said: dict[str, Any]) -> dict[str, Any] | None:
    if "requestBody" not in said:
        return None
    content: dict[str, Any] = said["requestBody"]["content"]["application/json"]
    return content


def _form(said: dict[str, Any]) -> str:
    """How an answer is best shown."""
    answer = next(of for status, of in said["responses"].items() if status.startswith("2"))
    if "content" not in answer:
        return "status"
    return "json" if list(answer["content"]) == ["application/json"] else "text"


def _parameter(one: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": one["name"],
        "in": one["in"],
        "required": one["required"],
        "kind": _kind(one["schema"]),
        "default": one["schema"].get("default"),
        "description": one.get("description", ""),
    }


def _answer(status: str, of: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = of.get("content", {})
    schema: dict[str, Any] = next((one["schema"] for one in content.values()), {})
    named = {"shape": _named(schema), "kind": _kind(schema)}
    return {"status": status, "kinds": list(content), **named}


def _shape(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    fields = [
        {
            "name": field,
            "kind": _kind(of),
            "shape": _named(of),
            "description": of.get("description", ""),
            "required": field in required,
        }
        for field, of in schema.get("properties", {}).items()
    ]
    return {"name": name, "description": schema.get("description", ""), "fields": fields}


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a word or two."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if alternatives := schema.get("anyOf") or schema.get("allOf"):
        return " | ".join(dict.fromkeys(map(_kind, alternatives)))
    if "enum" in schema and len(schema["enum"]) <= 4:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        return f"{_kind(schema['items'])}[]"
    return str(schema.get("format") or schema.get("type") or "")


def _named(schema: dict[str, Any]) -> str:
    """The shape that a schema is, or is a list of, or may be; empty if it is none."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    inner = [schema["items"]] if "items" in schema else schema.get("anyOf", ())
    return next(filter(None, map(_named, inner)), "")
