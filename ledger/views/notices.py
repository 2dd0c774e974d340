"""A word on what a form did, for the page that is shown next.

It travels in a short-lived signed cookie, as one of a few names and a number: no text of anyone's
is ever reflected, and nobody but this node can make a page say something was done.
"""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from ledger.wording import grouped

_COOKIE: Final = "notice"
_SALT: Final = "ledger.notices"
_SECONDS: Final = 30

_TEXTS: Final = {
    "accepted": _("Accepted. It waits in the pool, and should be in block {n}."),
    "mining": _("The search for block {n} is asked for."),
    "cancelled": _("The search was cancelled."),
    "idle": _("There was no search to cancel."),
    "registered": _("Registered: {n}. Ask the peers now to see how their chains stand to ours."),
    "nobody": _("There is no peer to ask. Register one first."),
    "kept": _("Our chain stays. Peers that answered: {n}."),
    "replaced": _("A longer chain was found and followed. The tip is block {n} now."),
}


def text(name: str, index: int = 0) -> str:
    return gettext(_TEXTS[name]).format(n=grouped(index))


def leave(response: HttpResponse, name: str, index: int = 0) -> None:
    """Have the next page say it."""
    response.set_signed_cookie(
        _COOKIE, f"{name}.{index}", salt=_SALT, max_age=_SECONDS, httponly=True, samesite="Strict"
    )


def found(request: HttpRequest) -> str:
    """What the last form left to be said; "" if nothing, or nothing of ours."""
    value = request.get_signed_cookie(_COOKIE, default="", salt=_SALT, max_age=_SECONDS)
    name, _, index = (value or "").partition(".")
    return text(name, int(index)) if name in _TEXTS else ""


def take_away(request: HttpRequest, response: HttpResponse) -> None:
    """It was said."""
    if _COOKIE in request.COOKIES:
        response.delete_cookie(_COOKIE, samesite="Strict")
