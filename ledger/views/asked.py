"""Numbers that a page is asked for in its URL. Whatever stands there, the answer is in bounds."""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest

_DIGITS: Final = re.compile(r"[0-9]{1,18}")


def number(request: HttpRequest, name: str) -> int | None:
    """A whole number from the query; None where there is none that an index can be."""
    text = request.GET.get(name, "").strip()
    return int(text) if _DIGITS.fullmatch(text) else None


def limit(request: HttpRequest, usual: int, most: int) -> int:
    """How many rows a page has."""
    asked = number(request, "limit")
    return usual if asked is None else max(1, min(asked, most))
