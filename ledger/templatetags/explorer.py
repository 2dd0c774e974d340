"""What the explorer's templates need beside words: places, the bytes' parts, ways to ask."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext

from ledger.views import places
from ledger.views import snippets as asking

register = template.Library()

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_AFTER_KEY: Final = re.compile(r"\s*:")
_HASH: Final = re.compile(r'"[0-9a-f]{64}"')


@register.filter
def address_url(name: str | None) -> str:
    return places.address(name) if name else ""


@register.filter
def qr_url(name: str) -> str:
    return places.code(name)


@register.filter
def entry_url(transaction: dict[str, Any], digest: str) -> str:
    """The page of a transaction in a block: its own one, if this node acknowledged it."""
    if transaction["id"]:
        return places.transaction(transaction["id"])
    return places.entry(digest, transaction["position"])


@register.filter
def amounted(number: str | None) -> str:
    """A number with its sign, in groups; of a long one the ends."""
    if not number:
        return ""
    sign, digits = (number[0], number[1:]) if number[0] in "+-" else ("", number)
    if len(digits) > 30:
        return f"{sign}{digits[:8]}…{digits[-8:]}"
    return sign.replace("-", "\N{MINUS SIGN}") + re.sub(r"\B(?=(\d{3})+$)", ",", digits)


@register.filter
def breakable(figure: str) -> str:
    """A long figure that may go on in the next line, behind a comma and nowhere else."""
    *groups, last = figure.split(",")
    return format_html("{}{}", format_html_join("", "{},<wbr>", ((g,) for g in groups)), last)


@register.filter
def middle(text: str) -> str:
    """A hash with more of it left than in a table."""
    return f"{text[:10]}…{text[-8:]}" if len(text) > 40 else text


@register.filter
def tokens(text: str, previous_hash: str | None) -> Iterator[tuple[str, str]]:
    """JSON text in parts: (kind, text), whose texts make up the whole. `key` is a name of a member
    with its quotes, `previous` the hash of the block before."""
    at = 0
    wanted = previous_hash
    for found in _STRING.finditer(text):
        string = found[0]
        if _AFTER_KEY.match(text, found.end()):
            kind = "key"
        elif wanted and string == f'"{wanted}"':
            kind, wanted = "previous", None
        else:
            continue
        if found.start() > at:
            yield "text", text[at : found.start()]
        yield kind, string
        at = found.end()
    if at < len(text):
        yield "text", text[at:]


_EXAMPLES: Final[dict[str, tuple[str, str, dict[str, Any] | None]]] = {
    "chain": ("GET", "/chain", None),
    "mine": ("GET", "/mine", None),
    "send": (
        "POST",
        "/transactions/new",
        {"sender": "alice", "recipient": "bob", "amount": 5},
    ),
    "register": ("POST", "/nodes/register", {"nodes": ["http://192.0.2.7:5000"]}),
    "resolve": ("GET", "/nodes/resolve", None),
}


@register.filter
def spoken(text: str) -> str:
    """What the API says of itself, in the visitor's language; what stands in backquotes is code."""
    parts = (gettext(text) if text else "").split("`")
    return format_html_join(
        "",
        "{}",
        ((format_html("<code>{}</code>", p) if at % 2 else p,) for at, p in enumerate(parts)),
    )


@register.inclusion_tag("ledger/_snippets.html", takes_context=True)
def snippets(context: dict[str, Any], action: str) -> dict[str, Any]:
    """curl, Python and JavaScript for an action of the API, with this node's address."""
    method, path, value = _EXAMPLES[action]
    url = context["request"].build_absolute_uri(path)
    tabs = asking.tabs(method, url, value)
    return {"action": action, "method": method, "path": path, "tabs": tabs}
