"""Frames on their way to many sockets: put into words once, and into bytes once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

EXTENSION: Final = "chainsite.write"
"""In a scope's `extensions`: a `Write`. A server without it is sent the texts one by one."""

Write = Callable[[bytes], bool]
"""Writes whole frames to the socket, if it takes them now; whether it did."""

_TEXT: Final = 0x81  # a whole message of text, not compressed


class Bundle:
    """Texts that follow each other, each a frame, and shared by all who are told them."""

    __slots__ = ("_wire", "characters", "texts")

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.characters = sum(map(len, texts))
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """The frames as a server sends them (RFC 6455). The same object for everybody."""
        if self._wire is None:
            self._wire = b"".join(map(_frame, self.texts))
        return self._wire


def _frame(text: str) -> bytes:
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((_TEXT, size)) + payload
    if size < 2**16:
        return bytes((_TEXT, 126)) + size.to_bytes(2) + payload
    return bytes((_TEXT, 127)) + size.to_bytes(8) + payload
