"""The writer: one thread through which every change of this process goes.

Requests queue here and are committed in groups, so that one flush to the disk serves many of them,
in the order of their arrival. Whoever waits gets an answer only after COMMIT. Across processes the
database's own write lock takes turns; `Tip.version` notices who lost.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from itertools import groupby
from typing import Any, Final, TypeVar

from django.db import Error, connection, transaction

from . import turns
from .errors import NodeError, Overloaded, Stopped, StorageFailed
from .events import Listeners
from .reach import is_lost, unreachable

logger = logging.getLogger(__name__)

T = TypeVar("T")
A = TypeVar("A")
Outcome = Any
Batched = Callable[[Sequence[Any]], Sequence[Outcome]]

_GROUP: Final = 256  # requests to one commit, at most
_DEPTH: Final = 4096  # requests waiting, at most
_QUIET_TURNS: Final = 3
"""Turns of an event loop without another request, after which no more is waited for: from its
bytes to the writer, a request takes two or three."""


CommitObserver = Callable[[int, float, bool], None]
"""Told after each transaction: of how many requests, how many seconds, and whether it is stored."""

_observers: list[CommitObserver] = []


def observe_commits(observer: CommitObserver) -> None:
    """Have `observer` told of every transaction of this process's writers, from their threads."""
    _observers.append(observer)


class _Job:
    """`batched` takes a list of arguments and answers with a result or an exception for each.

    What is logged about it belongs to the `context` it was asked for in.
    """

    __slots__ = ("argument", "batched", "context", "waiter")

    def __init__(
        self, batched: Batched, argument: Any, waiter: Future[Any] | asyncio.Future[Any]
    ) -> None:
        self.batched = batched
        self.argument = argument
        self.context = copy_context()
        self.waiter = waiter

    def is_still_wanted(self) -> bool:
        """Its turn has come: whether whoever asked for it still waits."""
        if isinstance(self.waiter, Future):
            return self.waiter.set_running_or_notify_cancel()
        return not self.waiter.cancelled()


def _attempt(operation: Callable[[], Outcome]) -> Outcome:
    """The result, or the exception: then the operation has undone itself and nothing else.

    Raises if it could not: a database that runs out of space may give up the whole transaction,
    and with it what others in the group were about to be told is done.
    """
    try:
        with transaction.atomic():
            return operation()
    except Exception as error:
        if connection.needs_rollback:
            raise
        return error


def _call_each(operations: Sequence[Callable[[], Outcome]]) -> Sequence[Outcome]:
    """Run independent operations; one that fails undoes only itself."""
    if len(operations) == 1:
        return [operations[0]()]
    return [_attempt(operation) for operation in operations]


def _as_told(error: Exception) -> Exception:
    """The error in the words of this node, for whoever asked; what is not theirs is logged."""
    if isinstance(error, Error):
        logger.error("something could not be stored: %s", error)
        if is_lost(connection):
            return unreachable(error)
        return StorageFailed(f"the database could not store this: {error}")
    if not isinstance(error, NodeError):
        logger.error("an operation failed", exc_info=error)
    return error


def _tell_observers(requests: int, seconds: float, stored: bool) -> None:
    for observer in _observers:
        try:
            observer(requests, seconds, stored)
        except Exception:
            logger.exception("an observer of commits failed")


def _hand_out(answers: Iterable[tuple[_Job, Outcome]]) -> None:
    """Answer each job; with one hop to each event loop, since a hop wakes it."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Outcome]]] = {}
    for job, outcome in answers:
        if isinstance(job.waiter, Future):
            _settle(job.waiter, outcome)
        else:
            loops.setdefault(job.waiter.get_loop(), []).append((job.waiter, outcome))
    for loop, waiting in loops.items():
        with suppress(RuntimeError):  # it is closed: nobody waits there any more
            loop.call_soon_threadsafe(_wake, waiting)


def _wake(waiting: list[tuple[asyncio.Future[Any], Outcome]]) -> None:
    for waiter, outcome in waiting:
        if not waiter.done():
            _settle(waiter, outcome)


def _settle(future: Future[Any] | asyncio.Future[Any], outcome: Outcome) -> None:
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def _stopped() -> Stopped:
    return Stopped("this node is shutting down")


class _Gathering:
    """What comes in an event loop until nothing more does: then it is handed over at once.

    Else the first request would wake the writer, which would begin to commit it alone while the
    loop's thread reads those that came with it; and the two would take the interpreter away from
    each other for each of them.
    """

    __slots__ = ("_hand_over", "_quiet", "_seen", "jobs", "loop")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, hand_over: Callable[[_Gathering], None]
    ) -> None:
        self.loop = loop
        self.jobs: list[_Job] = []
        self._hand_over = hand_over
        self._seen = self._quiet = 0
        loop.call_soon(self._look)

    def _look(self) -> None:
        """Once in each turn of the loop."""
        self._quiet = 0 if len(self.jobs) > self._seen else self._quiet + 1
        self._seen = len(self.jobs)
        if self._quiet >= _QUIET_TURNS or self._seen >= _GROUP:
            self._hand_over(self)
        else:
            self.loop.call_soon(self._look)


class Writer:
    """Owns the writing thread. `listeners` are told after each commit that changed something."""

    def __init__(self, listeners: Listeners, *, depth: int = _DEPTH) -> None:
        self._listeners = listeners
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._depth = depth
        self._gathering: dict[asyncio.AbstractEventLoop, _Gathering] = {}
        self._closing = False
        self._has_begun = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many requests have not been taken up yet."""
        return self._queue.qsize() + sum(len(one.jobs) for one in [*self._gathering.values()])

    def submit(self, operation: Callable[[], T]) -> Future[T]:
        """Queue an operation on the database; the future is resolved after COMMIT.

        Raises `Overloaded` if too many wait, `Stopped` after `close`. The future raises what the
        operation raises, or `StorageFailed`.
        """
        return self._submit(_call_each, operation)

    def submit_batched(
        self, batched: Callable[[Sequence[A]], Sequence[T | Exception]], argument: A
    ) -> Future[T]:
        """Queue `argument` for `batched`, which is called with all that wait together."""
        return self._submit(batched, argument)

    async def perform_batched(
        self, batched: Callable[[Sequence[A]], Sequence[T | Exception]], argument: A
    ) -> T:
        """`submit_batched` and await. All that come in one event loop at about the same time are
        handed over together, and told in one hop to its thread. Who is cancelled before its turn
        takes the argument back; once begun, it is written.
        """
        loop = asyncio.get_running_loop()
        gathering = self._gathering.get(loop)
        self._let_in(len(gathering.jobs) if gathering else 0)
        waiter: asyncio.Future[T] = loop.create_future()
        if gathering is None:
            gathering = self._gathering[loop] = _Gathering(loop, self._take_gathered)
        gathering.jobs.append(_Job(batched, argument, waiter))
        return await waiter

    def run(self, operation: Callable[[], T]) -> T:
        """`submit` and wait: for threads that are not an event loop's."""
        return self.submit(operation).result()

    async def perform(self, operation: Callable[[], T]) -> T:
        """`submit` and await."""
        return await asyncio.wrap_future(self.submit(operation))

    def close(self) -> None:
        """Finish what was queued, then end. Idempotent."""
        with self._lock:
            first, self._closing = not self._closing, True
        if first:
            self._queue.put(None)
        self._thread.join()

    def _submit(self, batched: Batched, argument: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:  # nothing may be queued behind the end mark
            self._let_in(0)
            self._queue.put(_Job(batched, argument, future))
        return future

    def _let_in(self, before: int) -> None:
        """Raise the reason why nothing is taken, with so many before it that are not queued yet."""
        if self._closing:
            raise _stopped()
        if self._queue.qsize() + before >= self._depth:
            raise Overloaded("too many requests are waiting to be written")

    def _take_gathered(self, gathering: _Gathering) -> None:
        with self._lock:
            del self._gathering[gathering.loop]
            if not self._closing:
                for job in gathering.jobs:
                    self._queue.put(job)
                return
        _hand_out((job, _stopped()) for job in gathering.jobs)

    def _work(self) -> None:
        while jobs := self._next_group():
            jobs = [job for job in jobs if job.is_still_wanted()]
            if jobs:
                self._commit(jobs)
        connection.close()

    def _next_group(self) -> list[_Job]:
        """What waits, up to a group; empty at the end."""
        job = self._queue.get()
        jobs = []
        while job is not None:
            jobs.append(job)
            if len(jobs) == _GROUP:
                return jobs
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return jobs
        if jobs:  # the end mark came behind them: leave it for the next call
            self._queue.put(None)
        return jobs

    def _commit(self, jobs: list[_Job]) -> None:
        begun = time.monotonic()
        try:
            answers = self._in_one_transaction(jobs)
        except Exception as error:
            _tell_observers(len(jobs), time.monotonic() - begun, False)
            self._fail(jobs, error)
            return
        _tell_observers(len(jobs), time.monotonic() - begun, True)
        _hand_out(
            (job, job.context.run(_as_told, outcome) if isinstance(outcome, Exception) else outcome)
            for job, outcome in answers
        )
        self._listeners.announce()

    def _in_one_transaction(self, jobs: list[_Job]) -> list[tuple[_Job, Outcome]]:
        self._has_begun = False
        try:
            return self._carry_out(jobs)
        except Error:
            if self._has_begun or not is_lost(connection):
                raise
        return self._carry_out(jobs)  # nothing was done: it was the connection that was old

    def _carry_out(self, jobs: list[_Job]) -> list[tuple[_Job, Outcome]]:
        outcomes: list[Outcome] = []
        with transaction.atomic():
            turns.take()
            self._has_begun = True
            runs = [(b, list(run)) for b, run in groupby(jobs, key=lambda job: job.batched)]
            for batched, run in runs:
                arguments = [job.argument for job in run]
                if len(runs) == 1:
                    outcomes += batched(arguments)
                    continue
                outcome = _attempt(partial(batched, arguments))
                outcomes += [outcome] * len(run) if isinstance(outcome, Exception) else outcome
            return list(zip(jobs, outcomes, strict=True))  # before the COMMIT, in case it raises

    def _fail(self, jobs: list[_Job], error: Exception) -> None:
        """The whole group was rolled back: say so to each, and be ready for the next."""
        told = jobs[0].context.run(_as_told, error)
        _hand_out((job, told) for job in jobs)
        connection.close_if_unusable_or_obsolete()
