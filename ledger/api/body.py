"""Reading a JSON body, strictly: what no two readers may understand differently is refused."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest

from ledger.consensus import DEFAULT_CAPS

from .errors import BadRequest

_DEPTH: Final = DEFAULT_CAPS.depth
_DIGITS: Final = DEFAULT_CAPS.digits


def json_body(request: HttpRequest) -> Any:
    """The JSON value in the body.

    Raises `BadRequest`: 415 for another content type, 413 for too large a body, 400 for text that
    is not JSON, repeats a key, nests deeper than 32 or holds an integer of over 400 digits.
    """
    if request.content_type != "application/json":
        raise BadRequest("Content-Type must be application/json", 415)
    try:
        text = request.body.decode()
    except RequestDataTooBig:
        raise BadRequest("the body is too large", 413) from None
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8") from None
    if text.count("[") + text.count("{") > _DEPTH and _nesting(text) > _DEPTH:
        raise BadRequest(f"the body nests deeper than {_DEPTH}")
    try:
        return _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error.msg} at character {error.pos}") from None


def _nesting(text: str) -> int:
    """How deep brackets nest, outside of strings. Python's parser has another limit by version."""
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _constant(name: str) -> NoReturn:
    raise BadRequest(f"{name} is not JSON")


def _integer(literal: str) -> int:
    if len(literal.lstrip("-")) > _DIGITS:
        raise BadRequest(f"an integer has over {_DIGITS} digits")
    return int(literal)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise BadRequest("an object has the same key twice")
    return members


_decoder: Final = json.JSONDecoder(
    parse_constant=_constant, parse_int=_integer, object_pairs_hook=_unique
)
