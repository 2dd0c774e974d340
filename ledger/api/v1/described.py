"""What an operation says of itself in the OpenAPI document, beside what its signature says."""

from __future__ import annotations

from typing import Any, Final

PROBLEM: Final = {"$ref": "#/components/responses/Problem"}
_TYPES: Final = {"application/json": "array"}


def saying(
    *refused: int,
    content: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: Any = None,
) -> dict[str, Any]:
    """`refused` are the statuses of refusals that are this operation's own; `content` the media
    types of an answer that is no JSON, each with what it is; `headers` those of its answer, each
    with its meaning; `body` an example of what is sent."""
    extra: dict[str, Any] = {"responses": dict.fromkeys(refused, PROBLEM)}
    answer: dict[str, Any] = {}
    if content:
        answer["content"] = {
            kind: {"schema": {"type": _TYPES.get(kind, "string"), "description": what}}
            for kind, what in content.items()
        }
    if headers:
        answer["headers"] = {
            name: {"description": what, "schema": {"type": "string"}}
            for name, what in headers.items()
        }
    if answer:
        extra["responses"][200] = {"description": "OK", **answer}
    if body is not None:
        extra["requestBody"] = {"content": {"application/json": {"example": body}}}
    return extra
