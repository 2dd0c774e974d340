"""The hub: reads each new event once and hands the same text to every socket.

Events come from the database, in the order of their numbers, whoever wrote them: this process, a
command beside it, another worker. A commit in this process wakes the hub at once; it looks by the
clock for the others. A socket that cannot keep up has a bounded outbox; when that is full the
socket is closed, and its client comes back with the number of the last event it saw.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from ledger.node import lifecycle

from . import frames

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 0.25  # seconds, for what other processes wrote
BEAT_EVERY: Final = 15.0  # seconds of quiet, before a word that the connection lives
REPLAY: Final = 400  # events a returning client is told one by one; beyond, a snapshot is less
_PAGE: Final = 500


class OutboxFull(Exception):
    """The client does not keep up."""


class Outbox:
    """What waits to be sent to one client: events in order, and the newest word on mining.

    `seq` is the number of the last event put in. Used from the event loop's thread only.
    """

    FRAMES: Final = 512
    CHARACTERS: Final = 1024 * 1024

    def __init__(self, seq: int = 0) -> None:
        self.seq = seq
        self._frames: deque[str] = deque()
        self._characters = 0
        self._mining: str | None = None
        self._something = asyncio.Event()
        self._full = False

    def put(self, frame: str, seq: int | None = None) -> None:
        """Add a frame; an event the client has already is passed over."""
        if seq is not None:
            if seq <= self.seq:
                return
            self.seq = seq
        if len(self._frames) >= self.FRAMES or self._characters > self.CHARACTERS:
            self._full = True
        else:
            self._frames.append(frame)
            self._characters += len(frame)
        self._something.set()

    def put_mining(self, frame: str) -> None:
        """Only the newest matters: one that was not sent yet is replaced."""
        self._mining = frame
        self._something.set()

    async def get(self) -> str:
        """The next frame. Raises `OutboxFull` once something had to be dropped."""
        while True:
            if self._full:
                raise OutboxFull
            if self._frames:
                frame = self._frames.popleft()
                self._characters -= len(frame)
                return frame
            if self._mining is not None:
                frame, self._mining = self._mining, None
                return frame
            self._something.clear()
            await self._something.wait()

    def __len__(self) -> int:
        return len(self._frames)


class Hub:
    """One for an event loop. It works while there are sockets."""

    def __init__(self, node: lifecycle.Node) -> None:
        self._node = node
        self._loop = asyncio.get_running_loop()
        self._outboxes: set[Outbox] = set()
        self._seq = 0
        self._wake = asyncio.Event()
        self._mining_changed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._forget = [
            node.committed.add(lambda: self._from_thread(self._wake)),
            node.miner.changed.add(lambda: self._from_thread(self._mining_changed)),
        ]

    @property
    def sockets(self) -> int:
        return len(self._outboxes)

    async def join(self, after: int | None) -> Outbox:
        """An outbox for a new client, caught up.

        `after` is the last event it knows of. If those since are few, they follow; otherwise, and
        for a new client, a snapshot comes first.
        """
        reader = self._node.reader
        outbox: Outbox | None = None
        if after is not None:
            newest = await reader.read(frames.last_seq)
            if 0 <= newest - after <= REPLAY:
                outbox = Outbox(after)
                outbox.put(frames.control("resumed", after))
        if outbox is None:
            state = await reader.read_at_once(frames.overview)
            seq = state.pop("seq")
            outbox = Outbox(seq)
            outbox.put(frames.control("snapshot", seq, state))
        await self._start()
        while outbox.seq < self._seq:
            for seq, frame in await reader.read(frames.events_after, outbox.seq, _PAGE):
                outbox.put(frame, seq)
        self._outboxes.add(outbox)  # no await since the comparison: nothing falls between
        return outbox

    def leave(self, outbox: Outbox) -> None:
        self._outboxes.discard(outbox)
        if not self._outboxes:
            for task in self._tasks:
                task.cancel()
            self._tasks = []

    def close(self) -> None:
        for forget in self._forget:
            forget()
        self._outboxes.clear()
        for task in self._tasks:
            task.cancel()

    async def _start(self) -> None:
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._pass_events_on()),
                asyncio.create_task(self._pass_mining_on()),
            ]
            self._seq = await self._node.reader.read(frames.last_seq)

    def _from_thread(self, event: asyncio.Event) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(event.set)

    async def _pass_events_on(self) -> None:
        quiet = 0.0
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), LOOK_EVERY)
            except TimeoutError:
                quiet += LOOK_EVERY
            self._wake.clear()
            try:
                news = await self._node.reader.read(frames.events_after, self._seq, _PAGE)
            except Exception:
                logger.exception("events could not be read; trying again")
                await asyncio.sleep(1)
                continue
            if len(news) == _PAGE:
                self._wake.set()  # there is more
            for seq, frame in news:
                self._seq = seq
                for outbox in self._outboxes:
                    outbox.put(frame, seq)
            if news:
                quiet = 0.0
            elif quiet >= BEAT_EVERY:
                quiet = 0.0
                beat = frames.control("beat", self._seq)
                for outbox in self._outboxes:
                    outbox.put(beat)

    async def _pass_mining_on(self) -> None:
        while True:
            await self._mining_changed.wait()
            self._mining_changed.clear()
            frame = frames.control("mining", data=frames.mining())
            for outbox in self._outboxes:
                outbox.put_mining(frame)


_hub: Hub | None = None


def hub() -> Hub:
    """The hub of this process, made on first use, and anew when the node or the loop is another."""
    global _hub
    node = lifecycle.current()
    if _hub is None or _hub._node is not node or _hub._loop is not asyncio.get_running_loop():
        if _hub is not None:
            _hub.close()
        _hub = Hub(node)
    return _hub
