"""`ledger.wording` for templates. A row in a `<template>` has no values: its slots stay empty."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, Final

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.encoding import escape_uri_path

from ledger import faults, wording
from ledger.views import places

register = template.Library()

_PLACES: Final[dict[str, Callable[[Any], str]]] = {
    "block": places.block,
    "transaction": places.transaction,
    "address": places.address,
}
_SAMPLE: Final = "00000000-0000-0000-0000-000000000000"  # any route takes it


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
    wording.synced,
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
    return _time(value, at, slot, wording.ago)


@register.inclusion_tag("ledger/_time.html")
def coming(value: Any, at: Any, slot: str) -> dict[str, Any]:
    """A time to come, likewise."""
    return _time(value, at, slot, lambda seconds: wording.coming(-seconds)) | {"is_coming": True}


def _time(value: Any, at: Any, slot: str, say: Callable[[float], str]) -> dict[str, Any]:
    time, now = wording.moment(value), wording.moment(at)
    if time is None or now is None:
        return {"slot": slot, "text": wording.say("no-time")}
    return {
        "slot": slot,
        "iso": time.isoformat(),
        "absolute": wording.absolute(time),
        "text": say((now - time).total_seconds()),
    }


@register.simple_tag
def words() -> dict[str, str]:
    """What the page's scripts say and where they lead: the visitor's language, and our paths."""
    paths = {f"path-{route}": link(route, _SAMPLE).replace(_SAMPLE, "{value}") for route in _PLACES}
    paths["path-address-by-name"] = places.address(".").removesuffix(".") + "{value}"
    paths["path-forks"] = reverse("ledger:forks")
    return {**wording.spoken(), **paths}


@register.simple_tag
def link(route: str, value: Any) -> str:
    """The address of a thing's page; empty in a `<template>`, where there is no thing."""
    if value is None or value == "":
        return ""
    return _PLACES[route](value)


@register.simple_tag
def news_link(entry: dict[str, Any] | None) -> str:
    """Where an event can be looked at: the block it is about, the journal of reorganisations."""
    data = entry["data"] if entry else {}
    if entry and entry["kind"] == "block":
        return link("block", data["index"])
    if entry and entry["kind"] == "chain-extended":
        return link("block", data["blocks"][-1]["index"])
    return reverse("ledger:forks") if entry and entry["kind"] == "reorganisation" else ""


@register.simple_tag
def next_block(height: int) -> str:
    return wording.say("mine-next", n=wording.grouped(height + 1))


@register.filter
def caught_up(way: dict[str, Any]) -> str:
    return wording.caught_up(way["received"], way["expected"], way["rate"])


@register.filter
def in_words(fault: str) -> str:
    """A reason that the rules give in English, in the visitor's language."""
    return faults.said(fault)


@register.simple_block_tag
def twice(content: str) -> str:
    """A block of the template, to be said in more than one place (`as`)."""
    return content


@register.simple_tag(takes_context=True)
def canonical(context: dict[str, Any], lasting: str = "") -> str:
    """The page's whole address, without what only changes the form it comes in; `lasting` is the
    path to be remembered, where the page has more than one."""
    request = context["request"]
    if lasting:
        return str(request.build_absolute_uri(lasting))
    query = request.GET.copy()
    query.pop("as", None)
    path = escape_uri_path(request.path) + (f"?{query.urlencode()}" if query else "")
    return str(request.build_absolute_uri(path))


@register.simple_tag
def reasons() -> list[tuple[str, str]]:
    """The reasons for refusing a peer, for scripts that tell of them."""
    return faults.of_peers()


@register.simple_tag
@cache
def version() -> str:
    """The version, and the build if it has a name."""
    pyproject = Path(settings.BASE_DIR) / "pyproject.toml"
    said = str(tomllib.loads(pyproject.read_text())["project"]["version"])
    return f"{said} ({settings.NODE_BUILD})" if settings.NODE_BUILD else said
