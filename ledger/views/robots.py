"""What programs that follow every link are asked to leave alone."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

_TEXT: Final = """\
# Pages may be read and indexed. What follows works for whoever asks, has no end, or says what
# a page says.
User-agent: *
Disallow: /admin/
Disallow: /mine
Disallow: /nodes/
Disallow: /search
Disallow: /chain
Disallow: /api/v1/
Disallow: /*?as=json
Disallow: /*&as=json
Allow: /
"""


@require_safe
async def robots(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(_TEXT, content_type="text/plain; charset=utf-8")
    response.headers["Cache-Control"] = "public, max-age=86400"
    return response
