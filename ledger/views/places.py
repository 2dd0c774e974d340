"""Where the page of a thing is. Names of addresses may be any text, so all of it is encoded."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from django.urls import reverse

_DOTS: Final = {".", ".."}


def block(reference: object) -> str:
    return reverse("ledger:block", kwargs={"reference": reference})


def transaction(uid: object) -> str:
    return reverse("ledger:transaction", kwargs={"uid": uid})


def entry(digest: str, position: int) -> str:
    return reverse("ledger:entry", kwargs={"digest": digest, "position": position})


def address(name: str) -> str:
    return _named("/address", name)


def code(name: str) -> str:
    return _named("/qr", name)


def _named(prefix: str, name: str) -> str:
    encoded = quote(name, safe="")
    # Browsers walk up at "..", however it is encoded; a slash in it is not a step, being encoded.
    return f"{prefix}?name={encoded}" if name in _DOTS else f"{prefix}/{encoded}"
