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

    __slots__ = ("argument", "batched", "context", "future", "waiter")

    def __init__(
        self, batched: Batched, argument: Any, waiter: asyncio.Future[Any] | None = None
    ) -> None:
        self.batched = batched
        self.argument = argument
        self.context = copy_context()
        self.future: Future[Any] = Future()
        self.waiter = waiter

    def drop_if_cancelled(self, waiter: asyncio.Future[Any]) -> None:
        """Who waits in an event loop gave up: if its turn has not come, nothing is done."""
        if waiter.cancelled():
            self.future.cancel()


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
        if job.waiter is None:
            _settle(job.future, outcome)
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


class Writer:
    """Owns the writing thread. `listeners` are told after each commit that changed something."""

    def __init__(self, listeners: Listeners, *, depth: int = _DEPTH) -> None:
        self._listeners = listeners
        self._queue: queue.Queue[_Job | None] = queue.Queue(depth)
        self._closing = False
        self._has_begun = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="ledger-writer", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many requests have not been taken up yet."""
        return self._queue.qsize()

    def submit(self, operation: Callable[[], T]) -> Future[T]:
        """Queue an operation on the database; the future is resolved after COMMIT.

        Raises `Overloaded` if too many wait, `Stopped` after `close`. The future raises what the
        operation raises, or `StorageFailed`.
        """
        return self._put(_Job(_call_each, operation))

    def submit_batched(
        self, batched: Callable[[Sequence[A]], Sequence[T | Exception]], argument: A
    ) -> Future[T]:
        """Queue `argument` for `batched`, which is called with all that wait together."""
        return self._put(_Job(batched, argument))

    async def perform_batched(
        self, batched: Callable[[Sequence[A]], Sequence[T | Exception]], argument: A
    ) -> T:
        """`submit_batched` and await. All of a group that wait in one event loop are told in one
        hop to its thread. Who is cancelled before its turn takes the argument back; once begun, it
        is written.
        """
        waiter: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        job = _Job(batched, argument, waiter)
        waiter.add_done_callback(job.drop_if_cancelled)
        self._put(job)
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

    def _put(self, job: _Job) -> Future[Any]:
        with self._lock:  # nothing may be queued behind the end mark
            if self._closing:
                raise Stopped("this node is shutting down")
            try:
                self._queue.put_nowait(job)
            except queue.Full:
                raise Overloaded("too many requests are waiting to be written") from None
        return job.future

    def _work(self) -> None:
        while jobs := self._next_group():
            jobs = [job for job in jobs if job.future.set_running_or_notify_cancel()]
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
