"""Backpressure: whether a client's socket takes what it is sent."""

from __future__ import annotations

import asyncio

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer


@implementer(IPushProducer)
class Flow:
    """Whether a transport has room: Twisted's push producer, which it pauses and resumes."""

    def __init__(self) -> None:
        self.has_room = True
        self._room = asyncio.Event()
        self._room.set()

    def pauseProducing(self) -> None:
        self.has_room = False
        self._room.clear()

    def resumeProducing(self) -> None:
        self.has_room = True
        self._room.set()

    def stopProducing(self) -> None:
        self.resumeProducing()

    async def wait(self, seconds: float) -> bool:
        """Wait for room; False when there was none for so long."""
        if self._room.is_set():
            return True
        try:
            async with asyncio.timeout(seconds):  # `wait_for` may swallow being cancelled
                await self._room.wait()
        except TimeoutError:
            return False
        return True
