"""What other programs show of this node: the newest blocks as an Atom feed, and a badge."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.html import format_html
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_safe

from ledger import wording
from ledger.node import chainstate, lifecycle, overview
from ledger.queries import blocks

from . import places

_ENTRIES: Final = 25
_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="20" role="img"'
    ' aria-label="chainsite: {text}"><title>chainsite: {text}</title>'
    '<rect width="{width}" height="20" rx="4" fill="#16181d"/>'
    '<path d="M72 0h{inner}a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H72z" fill="#8a5300"/>'
    '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
    '<text x="8" y="14" textLength="56" lengthAdjust="spacingAndGlyphs">chainsite</text>'
    '<text x="80" y="14" textLength="{length}" lengthAdjust="spacingAndGlyphs">{text}</text>'
    "</g></svg>"
)


@require_safe
async def newest_blocks(request: HttpRequest) -> HttpResponse:
    """The newest blocks of the active chain. A block's entry is named by its hash: one that a
    reorganisation puts in another's place is another entry."""
    found = await lifecycle.current().reader.read(_newest)
    address = request.build_absolute_uri
    feed = Atom1Feed(
        title=gettext("Blocks of chainsite at {host}").format(host=request.get_host()),
        link=address(reverse("ledger:blocks")),
        feed_url=address(request.path),
        description=None,
        language=get_language(),
    )
    for block in found:
        link = address(places.block(block["hash"]))
        transactions = wording.counted(block["transactions"], "transaction")
        feed.add_item(
            title=f"{wording.say('block', n=wording.grouped(block['index']))}: {transactions}",
            link=link,
            unique_id=f"urn:sha256:{block['hash']}",
            description=wording.came_from(block["origin"], block["source"]),
            updateddate=block["received_at"],
        )
    response = HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml")
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@require_safe
async def badge(request: HttpRequest) -> HttpResponse:
    """How high this node stands, small enough for a page of somebody else's."""
    tip = await lifecycle.current().reader.read(overview.tip_index)
    text = f"block {wording.grouped(tip)}"  # the page it stands on has a language of its own
    length = 6 * len(text)
    drawn = format_html(_SVG, text=text, length=length, width=88 + length, inner=12 + length)
    response = HttpResponse(drawn, content_type="image/svg+xml")
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _newest() -> list[dict[str, Any]]:
    rows = blocks.page(limit=_ENTRIES).blocks
    return [chainstate.describe(row) | {"received_at": row.received_at} for row in rows]
