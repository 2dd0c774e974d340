"""Frames on their way to many sockets: put into words once, and into bytes once."""

from __future__ import annotations

from typing import Final

EXTENSION: Final = "chainsite.websocket.bundle"
"""In a scope's `extensions`: the server takes messages of this type, whose `bytes` are whole
frames, ready for the wire. Elsewhere the texts are sent one by one."""

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
