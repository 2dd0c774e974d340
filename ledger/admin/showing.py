"""How values are shown: as text with nothing hidden in it, and as links between related rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ledger import wording
from ledger.hidden import visible

NOTHING: Final = "-"
_LONGEST: Final = 40  # characters of a text in a list


def lines(text: str) -> str:
    """The same, but a line ends where it ends."""
    return "\n".join(map(visible, text.split("\n")))


def text(value: object) -> SafeString | str:
    """Others' words, whole. What is in them stays inside."""
    return format_html("<bdi>{}</bdi>", visible(value)) if value not in (None, "") else NOTHING


def shortened(value: object) -> SafeString | str:
    """The same for a list: a hash without its middle, the beginning of a long text."""
    if value in (None, ""):
        return NOTHING
    whole = visible(value)
    short = wording.shortened(whole)
    if len(short) > _LONGEST:
        short = f"{short[:_LONGEST]}…"
    return format_html('<bdi title="{}">{}</bdi>', whole, short)


def code(value: object) -> SafeString | str:
    return format_html("<code>{}</code>", visible(value)) if value not in (None, "") else NOTHING


def moment(value: float | datetime | None) -> SafeString | str:
    """A time, or that it is none a calendar has."""
    time = wording.moment(value)
    if time is None:
        return wording.say("no-time")
    return format_html('<time datetime="{}">{}</time>', time.isoformat(), wording.absolute(time))


def number(value: int | None) -> str:
    return NOTHING if value is None else wording.grouped(value)


def row_url(row: Model) -> str:
    """The admin's page of a row."""
    return reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_change", args=[row.pk])


def row_link(row: Model | None, label: object = None) -> SafeString | str:
    if row is None:
        return NOTHING
    words = shortened(row if label is None else label)
    return format_html('<a href="{}">{}</a>', row_url(row), words)


def rows_link(model: type[Model], label: object, **lookups: object) -> SafeString:
    """A link to the list of those rows that the lookups find."""
    name = model._meta.label_lower.replace(".", "_")
    url = f"{reverse(f'admin:{name}_changelist')}?{urlencode(lookups)}"
    return format_html('<a href="{}">{}</a>', url, label)


class Column:
    """One value of a row under its label, in a list or on a row's page."""

    def __init__(self, name: str, label: Any, value: Callable[[Any], Any]) -> None:
        self.__name__ = f"shown_{name}"  # a field's own name would bring its help text along
        self.short_description = label
        self._value = value

    def __call__(self, row: Any) -> Any:
        return self._value(row)
