"""The parent's side: ask the child process for a proof, wait for it, believe nothing unchecked."""

from __future__ import annotations

import enum
import hashlib
import itertools
import queue
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

from ledger.mining.kernel import HARDEST
from ledger.mining.process import Answer, Ended, SearchProcess

CHILD_COMMAND = (sys.executable, "-m", "ledger.mining.child")

LOOK_EVERY = 0.05
"""Seconds between two looks at the caller's `cancelled`; without one nothing is polled."""


class SearchBusy(RuntimeError):
    """A search is already running; a searcher runs one at a time."""


class SearchCancelled(Exception):
    """The search was stopped because somebody asked for it."""


class SearchFailed(RuntimeError):
    """The search ended without a proof through nobody's wish; the message tells why."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search has come: tries so far, and seconds since the child began it."""

    tries: int
    elapsed: float

    @property
    def rate(self) -> float:
        """Tries a second since the start; 0.0 before any time has passed."""
        return self.tries / self.elapsed if self.elapsed > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """A proof that holds, the tries it took (itself included) and the seconds."""

    proof: int
    tries: int
    elapsed: float


class _Stop(enum.Enum):
    CANCELLED = enum.auto()
    CLOSED = enum.auto()


_Inbox = queue.SimpleQueue[Answer | Ended | _Stop]


class Searcher:
    """Finds proofs in a child process, one search at a time; every method from any thread.

    The child is started by the first search and kept for the next ones; one that died is
    replaced by the next search. `cores` is how many it may use, 0 all there are; `command` is what
    to run instead of the real child.
    """

    def __init__(self, command: Sequence[str] | None = None, *, cores: int = 1) -> None:
        self._command = command or (*CHILD_COMMAND, "--cores", str(cores))
        self._ids = itertools.count(1)
        self._lock = threading.Lock()  # guards the three below
        self._process: SearchProcess | None = None
        self._inbox: _Inbox | None = None  # of the search that runs, if one does
        self._closed = False

    def __enter__(self) -> Searcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def child_pid(self) -> int | None:
        """The process id of the child, or None while there is none."""
        with self._lock:
            process = self._process
            return process.pid if process is not None and process.is_running else None

    def find(
        self,
        prefix: bytes,
        suffix: bytes,
        difficulty: int,
        *,
        start: int = 0,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: threading.Event | Callable[[], bool] | None = None,
    ) -> Found:
        """Block until the smallest proof from `start` on is found, and return it.

        `on_progress` is called in this thread about four times a second; what it raises ends the
        search and reaches the caller. The search also ends when `cancelled` is set, or returns
        true; it is looked at 20 times a second.

        Raises SearchCancelled; SearchFailed when the child died, spoke nonsense or claimed a
        proof that does not hold, or the searcher is closed; SearchBusy when another search runs;
        ValueError when the difficulty is not from 0 to 64 or start is negative.
        """
        if not 0 <= difficulty <= HARDEST or start < 0:
            raise ValueError(f"no search with difficulty {difficulty} and start {start}")
        inbox: _Inbox = queue.SimpleQueue()
        search_id = next(self._ids)
        process = self._begin(inbox)
        try:
            process.search(search_id, prefix, suffix, difficulty, start)
            found = _await_found(inbox, search_id, on_progress, cancelled)
            return _checked(found, prefix, suffix, difficulty, start)
        except SearchFailed:
            process.kill()  # if it is not dead, it is not to be trusted
            raise
        except BaseException:
            process.cancel(search_id)  # cancelled, interrupted, or on_progress raised
            raise
        finally:
            with self._lock:
                self._inbox = None

    def cancel(self) -> bool:
        """Cancel the search that runs now; return whether there was one.

        Does not wait, and has no effect on a search that begins later.
        """
        with self._lock:
            if self._inbox is None:
                return False
            self._inbox.put(_Stop.CANCELLED)
            return True

    def close(self) -> None:
        """End the child within a second, and with it a search that still runs. For good."""
        with self._lock:
            self._closed = True
            process, self._process = self._process, None
            if self._inbox is not None:
                self._inbox.put(_Stop.CLOSED)
        if process is not None:
            process.end()

    def _begin(self, inbox: _Inbox) -> SearchProcess:
        """Take the one place there is for a search, and return a child that answers to `inbox`."""
        with self._lock:
            if self._closed:
                raise SearchFailed("the searcher is closed")
            if self._inbox is not None:
                raise SearchBusy("another search is running")
            if self._process is None or not self._process.serve(inbox):
                try:
                    self._process = SearchProcess(self._command, inbox)
                except OSError as error:
                    raise SearchFailed(f"the search process did not start: {error}") from error
            self._inbox = inbox
            return self._process


def _await_found(
    inbox: _Inbox,
    search_id: int,
    on_progress: Callable[[Progress], None] | None,
    cancelled: threading.Event | Callable[[], bool] | None,
) -> Found:
    """Wait for the end of a search, passing its progress on."""
    is_cancelled = cancelled.is_set if isinstance(cancelled, threading.Event) else cancelled
    while True:
        if is_cancelled is not None and is_cancelled():
            raise SearchCancelled("the search was cancelled")
        try:
            item = inbox.get(timeout=None if is_cancelled is None else LOOK_EVERY)
        except queue.Empty:
            continue
        if item is _Stop.CANCELLED:
            raise SearchCancelled("the search was cancelled")
        if item is _Stop.CLOSED:
            raise SearchFailed("the searcher was closed during the search")
        if isinstance(item, Ended):
            raise SearchFailed(f"the search process is gone: {item.reason}")
        if item.id != search_id:
            continue  # the last words of a search cancelled earlier
        if item.proof is not None:
            return Found(item.proof, item.tries, item.elapsed)
        if item.type == "cancelled":
            raise SearchFailed("the search process gave up by itself")
        if on_progress is not None:
            on_progress(Progress(item.tries, item.elapsed))


def _checked(found: Found, prefix: bytes, suffix: bytes, difficulty: int, start: int) -> Found:
    """Return what the child found if it holds, tested in the plain way and not by the kernel.

    Raises SearchFailed when it does not.
    """
    text = prefix + str(found.proof).encode("ascii") + suffix
    holds = hashlib.sha256(text).hexdigest().startswith("0" * difficulty)
    if not holds or found.proof < start:
        raise SearchFailed(f"the search process claimed a false proof: {found.proof}")
    return found
