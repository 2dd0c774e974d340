"""The icon of the tab. Its colour is the network's: of two nodes open side by side, those that can
agree on a chain look alike."""

from __future__ import annotations

import zlib
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from ledger.models import ActiveBlock
from ledger.node import lifecycle

_DAY: Final = 24 * 3600
_SVG: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28" fill="none"'
    ' stroke="hsl({hue} 62% 52%)" stroke-width="2.6">'
    '<rect x="2" y="9" width="10" height="10" rx="2.5"/>'
    '<rect x="16" y="9" width="10" height="10" rx="2.5" fill="hsl({hue} 62% 52%)"/>'
    '<path d="M12 14h4"/></svg>'
)


@require_safe
async def favicon(request: HttpRequest) -> HttpResponse:
    """One hue for each network and genesis."""
    node = lifecycle.current()
    genesis = await node.reader.read(_genesis)
    hue = zlib.crc32(f"{node.identity.network} {genesis}".encode()) % 360
    response = HttpResponse(_SVG.format(hue=hue), content_type="image/svg+xml")
    response.headers["Cache-Control"] = f"private, max-age={_DAY}"
    return response


def _genesis() -> str:
    """Every node of this lineage has a genesis of its own, until it takes a longer chain."""
    return ActiveBlock.objects.filter(index=1).values_list("block__hash", flat=True).first() or ""
