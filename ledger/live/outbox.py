"""What waits to be sent to one client, within bounds."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from .bundle import Bundle, Write


class OutboxFull(Exception):
    """The client does not keep up."""


class OutboxFailed(Exception):
    """What the client asked for could not be read."""


class Outbox:
    """Events in order, then the newest word of each other kind. Nothing is sent twice.

    `seq` is the number of the last event put in. Used from the event loop's thread only. `write`
    goes past the box: while nothing waits and the client takes what comes, nobody needs be woken.
    """

    FRAMES: Final = 4096
    CHARACTERS: Final = 1024 * 1024
    AT_ONCE: Final = 64 * 1024
    """Characters that are handed over in one go, or a bundle if it is larger."""

    def __init__(self, seq: int = 0, write: Write | None = None) -> None:
        self.seq = seq
        self._write = write
        self._bundles: deque[Bundle] = deque()
        self._frames = 0
        self._characters = 0
        self._newest: dict[str, Bundle] = {}
        self._something = asyncio.Event()
        self._full = False
        self._failed = False

    def __len__(self) -> int:
        """Frames of events that wait."""
        return self._frames

    def sends(self, bundle: Bundle) -> bool:
        """Send it now, if that can be; whether it was."""
        is_empty = not (self._bundles or self._newest or self._full)
        return self._write is not None and is_empty and self._write(bundle.wire)

    def put(self, bundle: Bundle, seq: int | None = None) -> None:
        """Add frames. `seq` is the number of the last event in them, all of which are new."""
        if seq is not None:
            self.seq = seq
        if self._full or self.sends(bundle):
            return
        self._something.set()
        frames = self._frames + len(bundle.texts)
        characters = self._characters + bundle.characters
        if frames > self.FRAMES or characters > self.CHARACTERS:
            # Events would be missing from now on: what waits is of no use, and only memory.
            self._full = True
            self._frames = 0
            self._bundles.clear()
            self._newest.clear()
            return
        self._bundles.append(bundle)
        self._frames, self._characters = frames, characters

    def put_newest(self, kind: str, bundle: Bundle) -> None:
        """Only the newest of its kind matters: one that was not sent yet is replaced."""
        if not self._full and not self.sends(bundle):
            self._newest[kind] = bundle
            self._something.set()

    def fail(self) -> None:
        """Something is missing from now on that cannot be made up for."""
        self._failed = True
        self._something.set()

    async def get(self) -> list[Bundle]:
        """What comes next, up to `AT_ONCE`.

        Raises `OutboxFull` once there was more than it holds, and `OutboxFailed` after `fail`.
        """
        while True:
            if self._full:
                raise OutboxFull
            if self._failed:
                raise OutboxFailed
            if taken := self._take():
                return taken
            self._something.clear()
            await self._something.wait()

    def _take(self) -> list[Bundle]:
        taken: list[Bundle] = []
        room = self.AT_ONCE
        while self._bundles and (not taken or self._bundles[0].characters <= room):
            bundle = self._bundles.popleft()
            room -= bundle.characters
            self._frames -= len(bundle.texts)
            self._characters -= bundle.characters
            taken.append(bundle)
        if not self._bundles:
            taken += self._newest.values()
            self._newest.clear()
        return taken
