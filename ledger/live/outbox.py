"""What waits to be sent to one client, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final


class OutboxFull(Exception):
    """The client does not keep up."""


class Outbox:
    """Events in order, then the newest word of each other kind. Nothing is sent twice.

    `seq` is the number of the last event put in. Used from the event loop's thread only.
    """

    FRAMES: Final = 4096
    CHARACTERS: Final = 1024 * 1024

    def __init__(self, seq: int = 0) -> None:
        self.seq = seq
        self._frames: deque[str] = deque()
        self._characters = 0
        self._newest: dict[str, str] = {}
        self._something = asyncio.Event()
        self._full = False

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: str, seq: int | None = None) -> None:
        """Add a frame; an event the client has already is passed over."""
        if seq is not None:
            if seq <= self.seq:
                return
            self.seq = seq
        if self._full:
            return
        self._frames.append(frame)
        self._characters += len(frame)
        if len(self._frames) > self.FRAMES or self._characters > self.CHARACTERS:
            # Events would be missing from now on: what waits is of no use, and only memory.
            self._full = True
            self._frames.clear()
            self._newest.clear()
        self._something.set()

    def put_newest(self, kind: str, frame: str) -> None:
        """Only the newest of its kind matters: one that was not sent yet is replaced."""
        if not self._full:
            self._newest[kind] = frame
            self._something.set()

    async def get(self) -> str:
        """The next frame. Raises `OutboxFull` once there was more than it holds."""
        while True:
            if self._full:
                raise OutboxFull
            if self._frames:
                frame = self._frames.popleft()
                self._characters -= len(frame)
                return frame
            if self._newest:
                return self._newest.pop(next(iter(self._newest)))
            self._something.clear()
            await self._something.wait()
