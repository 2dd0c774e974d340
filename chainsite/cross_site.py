"""Whether a browser sends something for a page that is not ours.

Any page can have its visitors' browsers send requests here, and `GET /mine` acts on the plainest of
them: an image will do. Browsers say whose request it is in headers that no page can forge; where
they do not (plain HTTP under a name), only requests that our own pages sent are taken from them.
Programs send none of these headers and are not browsers.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from django.http import HttpRequest
from django.utils.translation import gettext_noop as _

PREFETCHED: Final = _(
    "A browser asked for this before anybody wanted it, so nothing was done. Ask again."
)
FOREIGN: Final = _(
    "A browser sent this for a page that is not this node's, so nothing was done. Use the buttons"
    " on this node's own pages."
)
UNEXPLAINED: Final = _(
    "A browser sent this without saying for which page, as it does with plain HTTP under this"
    " name, so nothing was done. Use the buttons on this node's own pages, or reach it as"
    " localhost or over HTTPS."
)

_EARLY: Final = ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")


def refusal(request: HttpRequest, *, form: bool) -> str | None:
    """Why a request that acts is refused, or None. `form`: its CSRF token is checked as well."""
    sent = request.META  # `request.headers` is made anew for each request
    early = [sent[name] for name in _EARLY if name in sent]
    if any("prefetch" in value or "prerender" in value or "preview" in value for value in early):
        return PREFETCHED
    site = sent.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        is_typed = (
            site == "none"
            and sent.get("HTTP_SEC_FETCH_MODE") == "navigate"
            and sent.get("HTTP_SEC_FETCH_DEST") == "document"
            and "HTTP_SEC_PURPOSE" not in sent
        )
        return None if site == "same-origin" or is_typed else FOREIGN
    said = [sent[name] for name in ("HTTP_ORIGIN", "HTTP_REFERER") if name in sent]
    if said:
        own = f"{request.scheme}://{request.get_host()}".lower()
        return None if all(_origin(value) == own for value in said) else FOREIGN
    is_browser = sent.get("HTTP_USER_AGENT", "").startswith("Mozilla/")
    return UNEXPLAINED if is_browser and not form else None


def _origin(url: str) -> str:
    """The origin in an Origin or a Referer; "" where there is none, as in `null`."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else ""
