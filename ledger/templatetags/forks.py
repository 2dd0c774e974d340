"""Forks, peers and charts in words and pictures."""

from __future__ import annotations

from typing import Any, Final

from django import template

from ledger import wording
from ledger.views import forktree, sparkline

register = template.Library()

# A sign for each way a peer stands to us, as a path in a square of 16: never colour alone.
_SIGNS: Final = {
    "agrees": "M3 8.5l3.2 3.2L13 5",
    "behind": "M8 3v10M4 9l4 4 4-4",
    "ahead": "M8 13V3M4 7l4-4 4 4",
    "forked": "M8 14V9L4 3M8 9l4-6",
    "unasked": "M3.5 8h.01M8 8h.01M12.5 8h.01",
    "alias": "M3 6h10M3 10h10",
    "unreachable": "M1.5 8H5M11 8h3.5M7 12.5l2-9",
    "network": "M3 6h10M3 10h10M11 3L5 13",
    "invalid": "M4 4l8 8M12 4l-8 8",
    "marked": "M4 14V3h8l-2 3 2 3H4",
    "paused": "M6 4v8M10 4v8",
    "banned": "M8 2.5a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M4.2 4.2l7.6 7.6",
}
register.filter("drawn", forktree.draw)
register.filter("drawn_line", sparkline.draw)


@register.filter
def happened(row: dict[str, Any]) -> dict[str, str]:
    return wording.happened(row["kind"], row["fork_index"], row["disconnected"], row["connected"])


@register.filter
def related(peer: dict[str, Any]) -> str:
    return wording.related(peer["relation"], peer["difference"])


@register.filter
def sign(relation: str) -> str:
    return _SIGNS[relation]


@register.filter
def kind_words(peer: dict[str, Any]) -> str:
    return wording.kind_of_peer(peer["kind"], peer["version"])


@register.filter
def source_words(peer: dict[str, Any]) -> str:
    return wording.source_of_peer(peer["source"])


@register.filter
def milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else wording.grouped(round(seconds * 1000))


@register.filter
def get(value: dict[str, Any], key: str) -> Any:
    return value.get(key)


@register.filter
def newest(values: list[Any], most: int) -> list[Any]:
    """The last of a series, the newest first."""
    return values[-most:][::-1]


@register.simple_tag
def chart_line(
    key: str, blocks: list[dict[str, Any]], waiting: list[dict[str, Any]]
) -> sparkline.Line | None:
    """A chart's line, for where no script draws it."""
    values = [point["size"] for point in waiting] if key == "pool" else [b[key] for b in blocks]
    return sparkline.draw_large([None if value is None else float(value) for value in values])
