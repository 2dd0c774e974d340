"""Answers sent compressed to those who ask for it."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Final

from django.http import HttpRequest

_GZIP: Final = 16 + zlib.MAX_WBITS
_FASTEST: Final = 1
_LARGE: Final = 256 * 1024
"""Bytes in a piece. The server takes an answer that begins with less for a small one."""

_NEVER: Final = re.compile(r";\s*q=0(\.0*)?\s*$")


def takes_gzip(request: HttpRequest) -> bool:
    """Whether the client named gzip, and not only to refuse it."""
    for coding in request.headers.get("Accept-Encoding", "").lower().split(","):
        if coding.partition(";")[0].strip() == "gzip":
            return _NEVER.search(coding) is None
    return False


async def gzipped(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """The pieces compressed, each large but the last. The event loop goes on meanwhile."""
    press = zlib.compressobj(_FASTEST, zlib.DEFLATED, _GZIP)
    held = bytearray()
    async for piece in pieces:
        held += await asyncio.to_thread(press.compress, piece)
        if len(held) >= _LARGE:
            yield bytes(held)
            held.clear()
    yield bytes(held) + press.flush()
