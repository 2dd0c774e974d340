"""`ledger.wording` for templates.

A row inside a `<template>` has no values: its slots stay empty.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

from django import template
from django.conf import settings

from ledger import wording

register = template.Library()


def _or_empty(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter, but empty for a value that is not there."""

    @wraps(function)
    def filtering(value: Any, *arguments: Any) -> Any:
        return "" if value is None or value == "" else function(value, *arguments)

    return filtering


for _function in (
    wording.grouped,
    wording.counted,
    wording.shortened,
    wording.sized,
    wording.paced,
    wording.lasting,
    wording.over_by,
):
    register.filter(_function.__name__, _or_empty(_function))


@register.filter
def came_from(block: dict[str, Any] | None) -> str:
    return wording.came_from(block["origin"], block["source"]) if block else ""


@register.filter
def state_words(transaction: dict[str, Any] | None) -> str:
    return wording.state(transaction["state"], transaction["block"]) if transaction else ""


@register.filter
def told(entry: dict[str, Any] | None) -> dict[str, str]:
    return wording.told(entry["kind"], entry["data"]) if entry else {}


@register.filter
def over_by_now(mining: dict[str, Any]) -> str:
    return wording.say("over-by-now", n=wording.over_by(mining["tries"], mining["odds"]))


@register.filter
def clock(at: str) -> str:
    time = wording.moment(at)
    return wording.clock(time) if time else ""


@register.filter
def times(count: int) -> range:
    return range(count)


@register.filter
def at_most(count: int, most: int) -> int:
    return min(count, most)


@register.inclusion_tag("ledger/_time.html")
def moment(value: Any, at: Any, slot: str) -> dict[str, Any]:
    """A time, said relative to `at`, and exactly where the pointer rests on it."""
    if value == "":
        return {"slot": slot}
    time, now = wording.moment(value), wording.moment(at)
    if time is None or now is None:
        return {"slot": slot, "text": wording.say("no-time")}
    return {
        "slot": slot,
        "iso": time.isoformat(),
        "absolute": wording.absolute(time),
        "text": wording.ago((now - time).total_seconds()),
    }


@register.simple_tag
def words() -> dict[str, str]:
    return wording.WORDS


@register.simple_tag
@cache
def version() -> str:
    pyproject = Path(settings.BASE_DIR) / "pyproject.toml"
    return str(tomllib.loads(pyproject.read_text())["project"]["version"])
