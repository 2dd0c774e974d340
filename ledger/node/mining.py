"""Mining: whoever asks gets a block of their own, one search after the other.

The search runs in a child process (`ledger.mining`); the thread here freezes a block, waits for
the proof, hands the block to the writer, and begins again where the tip moved meanwhile.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from django.db import Error, connection

from ledger import consensus, models
from ledger.consensus import Network
from ledger.mining import Progress, SearchCancelled, Searcher, SearchFailed

from . import events, sealing
from .errors import NodeError, Overloaded, Stopped, TipMoved
from .events import Listeners
from .identity import Identity
from .reach import is_lost, unreachable
from .writer import Writer

logger = logging.getLogger(__name__)

Sealed = Callable[[consensus.Block], None]

_EXPECTED_RATE: Final = 1_000_000  # tries a second; only to say when to come again
_SEARCH_FAILURES: Final = 3  # in a row, before whoever asked is told


@dataclass(frozen=True, slots=True)
class MiningState:
    """What pages show. `searching` is the index searched for, None when idle. `odds`: one try in
    so many succeeds. `elapsed` is in seconds, `waiting` counts the requests behind this one."""

    searching: int | None
    tries: int
    elapsed: float
    rate: float
    odds: int
    waiting: int


class MiningCancelled(NodeError):
    """The search was cancelled by someone else."""


class _Search(Future[consensus.Block]):
    """A block that is asked for. `sealed` is called in the transaction that puts it on the chain;
    what it raises undoes that."""

    def __init__(self, sealed: Sealed | None) -> None:
        super().__init__()
        self.sealed = sealed


class Miner:
    """Owns the mining thread and the child process. `changed` listeners hear of progress."""

    def __init__(
        self,
        identity: Identity,
        writer: Writer,
        committed: Listeners,
        *,
        queue: int,
        cores: int = 1,
    ) -> None:
        self.changed = Listeners()
        self._identity = identity
        self._writer = writer
        self._limit = queue
        self._searcher = Searcher(cores=cores)
        self._waiting: deque[_Search] = deque()
        self._current: _Search | None = None
        self._index: int | None = None
        self._version = 0
        self._heard = 0
        self._progress = Progress(0, 0.0)
        self.tries = 0
        """Of all searches since the start, as far as they were reported."""
        self._moved = threading.Event()
        self._stopping = False
        self._lock = threading.Condition()
        self._forget = committed.add(self._look_at_tip_soon)
        self._look = threading.Event()
        self._thread = threading.Thread(target=self._work, name="ledger-miner", daemon=True)
        self._thread.start()

    def mine(self, sealed: Sealed | None = None) -> Future[consensus.Block]:
        """Ask for a block; the future answers once it is on the chain. Cancel it to stop caring.

        `sealed` is called in the transaction that puts it there; what it raises undoes that, and is
        the future's answer. Raises `Overloaded` when too many wait.
        """
        future = _Search(sealed)
        with self._lock:
            if self._stopping:
                raise Stopped("this node is shutting down")
            self._waiting = deque(f for f in self._waiting if not f.cancelled())
            if len(self._waiting) >= self._limit:
                raise too_many(len(self._waiting), self._identity.network)
            self._waiting.append(future)
            self._lock.notify()
        return future

    def cancel(self) -> bool:
        """Give up the search under way, and those that wait; whether there was any."""
        with self._lock:
            futures = [*self._waiting, *([self._current] if self._current else [])]
            self._waiting.clear()
        for future in futures:
            _fail(future, MiningCancelled("the search was cancelled"))
        return bool(futures)

    def state(self) -> MiningState:
        with self._lock:
            progress = self._progress
            return MiningState(
                searching=self._index,
                tries=progress.tries,
                elapsed=progress.elapsed,
                rate=progress.rate,
                odds=16**self._identity.network.difficulty,
                waiting=len(self._waiting),
            )

    def close(self) -> None:
        """Stop searching and end the child process. Idempotent."""
        with self._lock:
            self._stopping = True
            self._lock.notify()
        self.cancel()
        self._thread.join()
        self._searcher.close()
        self._forget()

    def _work(self) -> None:
        while (future := self._next()) is not None:
            try:
                block = self._mine_one(future)
            except SearchCancelled:
                pass  # nobody waits for it any more
            except Exception as error:
                _fail(future, _as_told(error))
            else:
                with suppress(InvalidStateError):  # hung up at the last moment: the block stands
                    future.set_result(block)
            with self._lock:
                self._current = self._index = None
            connection.close_if_unusable_or_obsolete()
            self.changed.announce()
        connection.close()

    def _next(self) -> _Search | None:
        with self._lock:
            while True:
                if self._stopping:
                    return None
                while self._waiting:
                    future = self._waiting.popleft()
                    if not future.done():
                        self._current = future
                        return future
                self._lock.wait()

    def _mine_one(self, future: _Search) -> consensus.Block:
        failures = 0
        while True:
            self._moved.clear()
            self._heard = events.newest()
            template = sealing.freeze(self._identity.network, self._identity.identifier)
            with self._lock:
                self._index, self._progress = template.index, Progress(0, 0.0)
                self._version = template.tip_version
            self.changed.announce()
            before, after = template.message_parts()
            try:
                found = self._searcher.find(
                    before,
                    after,
                    template.network.difficulty,
                    on_progress=self._note,
                    cancelled=lambda: future.done() or self._tip_moved(),
                )
                self._count(found.tries)
                return self._writer.run(partial(_seal, template, found.proof, future.sealed))
            except TipMoved:
                logger.info("the tip moved while block %d was searched for", template.index)
            except SearchFailed as error:
                failures += 1  # the next search starts a new child process
                logger.warning("the search failed: %s", error)
                if failures == _SEARCH_FAILURES or self._stopping:
                    raise NodeError(f"the search for a proof failed: {error}") from error
            except SearchCancelled:
                if future.done() or not self._moved.is_set():
                    raise
            if future.done():
                raise SearchCancelled("nobody waits for this block")

    def _note(self, progress: Progress) -> None:
        self._count(progress.tries)
        with self._lock:
            self._progress = progress
        self._look.set()  # other processes do not tell us: look at the tip as often as this
        self.changed.announce()

    def _count(self, tries: int) -> None:
        """The search under way has come to so many."""
        with self._lock:
            self.tries += max(0, tries - self._progress.tries)

    def _look_at_tip_soon(self) -> None:
        self._look.set()

    def _tip_moved(self) -> bool:
        """Whether what is searched for is out of date. Asked often, so cheap."""
        if self._look.is_set():
            self._look.clear()
            try:
                self._look_at_tip()
            except Error as error:
                if not is_lost(connection):
                    raise
                logger.warning("%s; the search goes on", unreachable(error))
        return self._moved.is_set()

    def _look_at_tip(self) -> None:
        version = models.Tip.objects.values_list("version", flat=True).get(pk=1)
        if version != self._version:
            self._moved.set()
        self._obey()

    def _obey(self) -> None:
        """Hear what the operator did, here or in another process, since the search began."""
        heard, self._heard = self._heard, events.newest()
        acts = events.acts_between(heard, self._heard)
        if "cancel-mining" in acts:
            self.cancel()
        if "drop-transaction" in acts:  # it may be in the block: a new search costs nothing
            self._moved.set()


def _as_told(error: Exception) -> Exception:
    if isinstance(error, Error) and is_lost(connection):
        return unreachable(error)
    if not isinstance(error, NodeError):
        logger.error("mining failed", exc_info=error)
    return error


def too_many(count: int, network: Network) -> Overloaded:
    """The refusal of one more request for a block where so many wait, with the time when asking
    again makes sense."""
    seconds = count * 16**network.difficulty / _EXPECTED_RATE
    return Overloaded(
        f"{count} requests for a block are waiting",
        retry_after=max(1, min(60, round(seconds))),
    )


def _seal(template: sealing.Template, proof: int, sealed: Sealed | None) -> consensus.Block:
    block = sealing.seal(template, proof)
    if sealed is not None:
        sealed(block)
    return block


def _fail(future: Future[consensus.Block], error: Exception) -> None:
    with suppress(InvalidStateError):
        future.set_exception(error)
