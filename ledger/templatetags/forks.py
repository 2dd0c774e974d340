"""Forks, peers and charts in words and pictures."""

from __future__ import annotations

from typing import Any

from django import template

from ledger import wording
from ledger.views import forktree, sparkline

register = template.Library()
register.filter("drawn", forktree.draw)
register.filter("drawn_line", sparkline.draw)


@register.filter
def happened(row: dict[str, Any]) -> dict[str, str]:
    return wording.happened(row["kind"], row["fork_index"], row["disconnected"], row["connected"])


@register.filter
def related(peer: dict[str, Any]) -> str:
    return wording.related(peer["relation"], peer["difference"])


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
