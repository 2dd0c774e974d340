"""The hub: reads each new event once and hands the same bytes to every socket.

Events come from the database, in the order of their numbers, whoever wrote them: this process, a
command beside it, another worker. A commit in this process wakes the hub at once; it looks by the
clock for the others. A socket that cannot keep up has a bounded outbox; when that is full the
socket is closed, and its client comes back with the number of the last event it saw.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, TypeVar

from ledger.node import lifecycle, overview

from . import frames, topics
from .bundle import Bundle, Write
from .followers import Followers
from .looking import REPLAY, Look, Wish, look
from .outbox import Outbox
from .telling import Telling

logger = logging.getLogger(__name__)

T = TypeVar("T")

LOOK_EVERY: Final = 0.25  # seconds, for what other processes wrote
BEAT_EVERY: Final = 15.0  # seconds of quiet, before a word that the connection lives
UPTO_EVERY: Final = 5.0  # seconds, for who follows topics in which nothing happens
SLICE: Final = 100  # sockets, before others in this event loop have a turn
PAUSE: Final = (0.02, 0.1)  # seconds between two tellings, to gather what comes meanwhile


class Hub:
    """One for an event loop. It works while there are sockets."""

    def __init__(self, node: lifecycle.Node) -> None:
        self._node = node
        self._loop = asyncio.get_running_loop()
        self._outboxes: set[Outbox] = set()
        self._followers = Followers()
        self._seq = 0
        self._wake = asyncio.Event()
        self._mining_changed = asyncio.Event()
        self._network_changed = asyncio.Event()
        self._network_told = ""
        self._tasks: list[asyncio.Task[None]] = []
        self._forget = [
            node.committed.add(lambda: self._from_thread(self._wake)),
            node.work.mining_changed.add(lambda: self._from_thread(self._mining_changed)),
            node.work.network_changed.add(lambda: self._from_thread(self._network_changed)),
        ]

    @property
    def sockets(self) -> int:
        return len(self._outboxes.union(self._followers))

    @property
    def seq(self) -> int:
        """The number of the last event it told."""
        return self._seq

    @property
    def is_working(self) -> bool:
        return bool(self._tasks)

    def serves(self, node: lifecycle.Node) -> bool:
        """Whether this is the hub for `node` in the running event loop."""
        return self._node is node and self._loop is asyncio.get_running_loop()

    async def join(
        self, after: int | None, node: str | None = None, write: Write | None = None
    ) -> Outbox:
        """An outbox for a new client, caught up. `write` as in `Outbox`.

        `after` is the last event it knows of, of the node it names, if it names one. If those
        since are few, they follow; otherwise, and for a new client, a snapshot comes first.
        """
        outbox = None
        if after is not None and node in (None, self._node.identity.identifier):
            outbox = await self._resumed(after, write)
        if outbox is None:
            seq, frame = await self._node.reader.read_at_once(frames.snapshot)
            outbox = Outbox(seq, write)
            outbox.put(Bundle(frame))
        while self._tasks and outbox.seq < self._seq:
            await self._catch_up(outbox)
        # No await from here on: nothing falls between the comparison and the registration.
        outbox.put_newest("mining", Bundle(frames.mining()))
        if not self._tasks:
            self._start(outbox.seq)
        self._outboxes.add(outbox)
        self._network_told = ""  # not to this one
        self._network_changed.set()
        return outbox

    async def follow(
        self,
        names: Sequence[str],
        after: int | None = None,
        node: str | None = None,
        write: Write | None = None,
    ) -> Outbox:
        """An outbox for a new client that chose topics. `after` and `node` as in `join`."""
        if not self._tasks:
            seq = await self._node.reader.read(overview.last_seq)
            if not self._tasks:
                self._start(seq)
        if node not in (None, self._node.identity.identifier):
            after = None
        outbox = Outbox(self._seq, write)
        self._followers.wish(Wish(outbox, tuple(names), after))
        self._wake.set()
        return outbox

    def subscribe(self, outbox: Outbox, names: Sequence[str]) -> None:
        """It follows these topics, too. Who was told everything is told of topics alone then."""
        self._followers.wish(Wish(outbox, tuple(names)))
        self._wake.set()

    def unsubscribe(self, outbox: Outbox, names: Sequence[str]) -> None:
        """It follows these no more."""
        self._followers.drop(outbox, names)

    def leave(self, outbox: Outbox) -> None:
        """Send nothing more to it. Idempotent."""
        self._outboxes.discard(outbox)
        self._followers.leave(outbox)
        if not self._outboxes and not self._followers:
            self._stop()

    def close(self) -> None:
        for forget in self._forget:
            forget()
        self._outboxes.clear()
        self._followers.clear()
        self._stop()

    async def _resumed(self, after: int, write: Write | None) -> Outbox | None:
        """An outbox that goes on after that event, unless it is too far back or yet to come."""
        newest = await self._node.reader.read(overview.last_seq)
        if not 0 <= newest - after <= REPLAY:
            return None
        outbox = Outbox(after, write)
        outbox.put(Bundle(frames.control("resumed", after)))
        await self._catch_up(outbox)
        return outbox

    async def _catch_up(self, outbox: Outbox) -> None:
        news = await self._node.reader.read_at_once(frames.news_after, outbox.seq)
        Telling(news).put(outbox)

    def _start(self, seq: int) -> None:
        self._seq = seq
        self._wake.set()
        self._tasks = [
            asyncio.create_task(self._pass_events_on()),
            asyncio.create_task(self._pass_mining_on()),
            asyncio.create_task(self._pass_network_on()),
        ]

    def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._tasks = []

    def _from_thread(self, event: asyncio.Event) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(event.set)

    async def _pass_events_on(self) -> None:
        told = swept = self._loop.time()
        while True:
            # Not `wait_for`: before Python 3.12 it may swallow being cancelled, and this task would
            # outlive its hub's rest and skip events for those who come later.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._wake.wait()
            self._wake.clear()
            wanted, wishes = self._followers.wanted, self._followers.wishes
            try:
                seen = await self._node.reader.read_at_once(look, self._seq, wanted, wishes)
            except Exception:
                logger.exception("events could not be read; trying again")
                await asyncio.sleep(1)
                continue
            now = self._loop.time()
            if seen:
                await self._tell(seen)
                told = self._loop.time() if seen.news else told
            elif now - told >= BEAT_EVERY:
                beat = Bundle(frames.control("beat", self._seq))
                await self._to_each(partial(Outbox.put_newest, kind="beat", bundle=beat))
                await self._say_how_far(self._followers, beat)
                told = now
            if now - swept >= UPTO_EVERY:
                await self._sweep()
                swept = now

    async def _tell(self, seen: Look) -> None:
        begun = time.thread_time()
        if seen.news:
            self._seq = seen.seq
            if not seen.news.is_all:
                self._wake.set()
            await self._to_each(Telling(seen.news).put)
            tellings = self._followers.tellings(seen)
            await self._serve(tellings, lambda telling: telling[0].put(telling[1], seen.seq))
            self._network_changed.set()  # whoever agreed with our tip may be behind it now
        self._outboxes.difference_update(self._followers.answer(seen))
        if self._followers.wishes:
            self._wake.set()
        # Two thirds of the time are left for everything else, and what comes meanwhile is told in
        # one go. By the processor's clock: on a busy machine nobody should wait even longer.
        least, most = PAUSE
        await asyncio.sleep(min(most, max(least, 2 * (time.thread_time() - begun))))

    async def _sweep(self) -> None:
        """Say how far it is told to those in whose topics nothing happened."""
        behind = [outbox for outbox in self._followers if outbox.seq < self._seq]
        await self._say_how_far(behind, Bundle(frames.upto(self._seq)))

    async def _say_how_far(self, those: Iterable[Outbox], word: Bundle) -> None:
        # In its turn, not as the newest of its kind: what was told before must not come after it.
        seq = self._seq
        await self._serve(those, lambda outbox: outbox.put(word, seq))

    async def _to_each(self, put: Callable[[Outbox], None], topic: str = "") -> None:
        """Serve all who are told everything, and those who follow the topic."""
        await self._serve((*self._outboxes, *self._followers.of(topic)), put)

    async def _serve(self, those: Iterable[T], put: Callable[[T], None]) -> None:
        """Serve them, a few at a time: those are sent to before the next are served."""
        for at, one in enumerate(tuple(those), 1):
            put(one)
            if at % SLICE == 0:
                await asyncio.sleep(0)

    async def _pass_mining_on(self) -> None:
        while True:
            await self._mining_changed.wait()
            self._mining_changed.clear()
            bundle = Bundle(frames.mining())
            told = partial(Outbox.put_newest, kind="mining", bundle=bundle)
            await self._to_each(told, topics.MINING)

    async def _pass_network_on(self) -> None:
        while True:
            await self._network_changed.wait()
            self._network_changed.clear()
            try:
                frame = await self._node.reader.read_at_once(frames.network)
            except Exception:
                logger.exception("how the peers stand could not be read")
                await asyncio.sleep(1)
                self._network_changed.set()
                continue
            if frame != self._network_told:
                self._network_told = frame
                bundle = Bundle(frame)
                told = partial(Outbox.put_newest, kind="network", bundle=bundle)
                await self._to_each(told, topics.PEERS)
            await asyncio.sleep(LOOK_EVERY)


_hub: Hub | None = None


def hub() -> Hub:
    """The hub of this process, made on first use, and anew when the node or the loop is another."""
    global _hub
    node = lifecycle.current()
    if _hub is None or not _hub.serves(node):
        if _hub is not None:
            _hub.close()
        _hub = Hub(node)
    return _hub


def running_hub() -> Hub | None:
    """The hub of this process, if anybody has asked for it yet."""
    return _hub
