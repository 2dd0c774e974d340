"""What nodes of this kind ask each other, for the OpenAPI document.

The views are older than this API and stay as they are (`ledger.api.network`); the wire in full is
`ledger/node/network/README.md`.
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_noop as _

from .described import PROBLEM

_LINES: Final = "application/x-ndjson"


def _query(name: str, description: str, pattern: str, example: str = "") -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    parameter = {"name": name, "in": "query", "required": False, "schema": schema}
    return {**parameter, "description": description, **({"example": example} if example else {})}


def _get(
    operation: str,
    summary: str,
    description: str,
    schema: dict[str, Any],
    *parameters: dict[str, Any],
    kind: str = "application/json",
) -> dict[str, Any]:
    return {
        "get": {
            "operationId": operation,
            "summary": summary,
            "description": description,
            "tags": ["nodes"],
            "parameters": list(parameters),
            "responses": {200: {"description": "OK", "content": {kind: {"schema": schema}}}},
        }
    }


def _object(**members: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": members, "required": list(members)}


_TEXT: Final[dict[str, Any]] = {"type": "string"}
_WHOLE: Final[dict[str, Any]] = {"type": "integer"}
_TEXTS: Final[dict[str, Any]] = {"type": "array", "items": _TEXT}
_POSITION: Final = {"$ref": "#/components/schemas/Position"}
_PLACE: Final = _object(
    index={"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
    hash={"type": "string", "pattern": "^[0-9a-f]{64}$"},
)
_TOKEN: Final = "^[A-Za-z0-9]{1,64}$"
_DIGITS: Final = "^[0-9]{1,18}$"

NODE: Final = _get(
    "node",
    _("This node"),
    _("Version and build, network and genesis, tip, and what it can do for other nodes."),
    _object(
        software=_TEXT,
        version=_TEXT,
        build=_TEXT,
        identifier=_TEXT,
        capabilities=_TEXTS,
        network=_object(dialect=_TEXT, difficulty=_WHOLE, genesis=_TEXT),
        tip=_POSITION,
        pool=_object(newest=_WHOLE),
    ),
    _query("probe", _("A token to be remembered for a minute."), _TOKEN),
)
NODE["get"]["tags"] = ["node"]

PATHS: Final[dict[str, Any]] = {
    "/api/v1/node": NODE,
    "/api/v1/network/probe": _get(
        "network-probe",
        _("Was this token shown here?"),
        _("How one node under two addresses is recognised."),
        _object(seen={"type": "boolean"}),
        {
            **_query("token", _("The token, 1 to 64 letters and digits."), _TOKEN, "abc123"),
            "required": True,
        },
    ),
    "/api/v1/network/blocks": _get(
        "network-blocks",
        _("The block stream"),
        _(
            "From where the asker's chain parts from ours: a line that says where, then the"
            " canonical text of each block, a line each."
        ),
        {"type": "string", "description": "JSON lines"},
        _query(
            "locator",
            _("Up to 64 hashes of the asker's chain, the highest first, with commas between."),
            "^([0-9a-f]{64}(,[0-9a-f]{64}){0,63})?$",
        ),
        _query("limit", _("How many blocks at most."), _DIGITS, "10"),
        kind=_LINES,
    ),
    "/api/v1/network/transactions": _get(
        "network-transactions",
        _("The transactions this node knows"),
        _("By the numbers they entered with: a line that says how far it goes, then one each."),
        {"type": "string", "description": "JSON lines"},
        _query("after", _("The number to begin behind."), _DIGITS, "0"),
        _query("only", _("`waiting`: those that wait, alone."), "^waiting$"),
        kind=_LINES,
    ),
    "/api/v1/network/addresses": _get(
        "network-addresses",
        _("Peers that answered lately"),
        _("As `host:port`, 64 at most."),
        _object(addresses=_TEXTS),
    ),
    "/api/v1/network/announcements": {
        "post": {
            "operationId": "network-announcements",
            "summary": _("Announce that there is something new"),
            "description": _(
                "Taken as a hint: what there is, this node fetches itself. Who cannot be reached by"
                " the address it asks from names another as `address`."
            ),
            "tags": ["nodes"],
            "parameters": [],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": _object(
                            identifier={"type": "string", "pattern": "^[!-~]{1,64}$"},
                            port={"type": "integer", "minimum": 1, "maximum": 65535},
                            tip=_PLACE,
                        ),
                        "example": {
                            "identifier": "0123456789abcdef0123456789abcdef",
                            "port": 5000,
                            "tip": {"index": 1, "hash": "0" * 64},
                        },
                    }
                },
            },
            "responses": {204: {"description": "No Content"}, 422: PROBLEM},
        }
    },
}
