"""Waiting for something to happen, in an event loop, on behalf of clients that ask and hold on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from . import lifecycle
from .errors import Overloaded

T = TypeVar("T")

LONGEST: Final = 30.0  # seconds
MOST: Final = 256  # who wait at once, in this process
_LOOK_EVERY: Final = 1.0  # seconds; other processes do not tell us
_REST: Final = 0.05  # seconds between two looks, however much is committed

_waiting = 0


async def until(look: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
    """What `look` finds, as soon as it finds something; None if that took longer than `seconds`.

    Raises `Overloaded` when very many wait.
    """
    global _waiting
    found = await look()
    if found is not None or seconds <= 0:
        return found
    if _waiting >= MOST:
        raise Overloaded(f"{_waiting} clients are waiting for news", retry_after=5)
    _waiting += 1
    try:
        return await _look_again(look, min(seconds, LONGEST))
    finally:
        _waiting -= 1


async def _look_again(look: Callable[[], Awaitable[T | None]], seconds: float) -> T | None:
    loop, committed = asyncio.get_running_loop(), asyncio.Event()

    def hear() -> None:
        loop.call_soon_threadsafe(committed.set)

    forget = lifecycle.current().committed.add(hear)
    end = loop.time() + seconds
    try:
        while (left := end - loop.time()) > 0:
            try:
                async with asyncio.timeout(min(left, _LOOK_EVERY)):
                    await committed.wait()
            except TimeoutError:
                pass
            committed.clear()
            if (found := await look()) is not None:
                return found
            await asyncio.sleep(min(_REST, max(0.0, end - loop.time())))
        return None
    finally:
        forget()
