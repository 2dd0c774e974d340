"""The lease on the duties: who has it does them, and who cannot renew it stops before it ends.

Taking and renewing are each one UPDATE that compares what was read and sets what follows. They do
not go through the writer, where a long reorganisation would keep the renewal waiting. On SQLite,
where a long transaction keeps out everybody, a standby does not stand in line for the lock: so the
holder, which tries ten times a second then, is first, unless it took longer than the lease.

Time within a term is measured by this process's monotonic clock, from before the renewal was sent:
by whichever clock, the holder stops earlier than the database lets another begin.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.db import DatabaseError, connection

from ledger.models import Lease as Row

from . import clock

logger = logging.getLogger(__name__)

DUTIES: Final = "duties"
DURATION: Final = 5.0  # seconds
MARGIN: Final = 1.0  # seconds before its end, in which the holder comes to a stop
RENEW_EVERY: Final = 1.0
LOOK_EVERY: Final = 0.5  # by those who have not got it
_AGAIN: Final = 0.1  # after a renewal that failed
_PATIENCE: Final = 250  # milliseconds for a lock


@dataclass(frozen=True, slots=True)
class Standing:
    """The lease as it was read. `left` is in seconds; not above 0 where nobody has it."""

    holder: str
    term: int
    left: float
    fault: str

    @property
    def is_held(self) -> bool:
        return self.left > 0


def standing() -> Standing:
    row = Row.objects.filter(name=DUTIES).first() or Row(name=DUTIES)
    return Standing(row.holder, row.term, row.until - clock.now(), row.fault)


def note_fault(fault: str) -> None:
    """Say, in the transaction under way, whether the stored chain was found broken, and how."""
    if fault:
        Row.objects.bulk_create([Row(name=DUTIES)], ignore_conflicts=True)
    Row.objects.filter(name=DUTIES).exclude(fault=fault).update(fault=fault)


def name_of_this_process() -> str:
    """For people who look, and unique among the processes on a database."""
    return f"{socket.gethostname()[:60]}/{os.getpid()}/{time.time_ns() % 10**9}"


class Lease:
    """One process's claim. A thread makes it good from `start` on."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._changed = threading.Condition()
        self._closing = False
        self._term: int | None = None
        self._until = 0.0  # monotonic
        self._over: int | None = None  # the term that was over when we looked last
        self._connection: object = None
        self._thread = threading.Thread(target=self._work, name="ledger-lease", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def term(self) -> int | None:
        """The number of our term, as long as it is surely ours."""
        with self._changed:
            return self._term if time.monotonic() < self._until else None

    def wait_for(self, good: Callable[[int | None], bool]) -> int | None:
        """Wait until what `term` says is good, and answer with it. Looks when the term changes or
        ends, and when it is stirred."""
        with self._changed:
            while True:
                left = self._until - time.monotonic()
                term = self._term if left > 0 else None
                if self._closing or good(term):
                    return term
                self._changed.wait(left if left > 0 else None)

    def stir(self) -> None:
        """Have who waits look again."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> None:
        """Give it up, if it is ours, so that another need not wait. Idempotent."""
        with self._changed:
            self._closing = True
            self._until = 0.0
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(2 * DURATION)

    # --- in its thread --------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            pause = self._look()
            with self._changed:
                if not self._closing:
                    self._changed.wait(pause)
                if self._closing:
                    break
        if self._term is not None:
            self._release(self._term)
        connection.close()

    def _look(self) -> float:
        """Renew or take it, if that can be; seconds until it is time to look again."""
        begun = time.monotonic()
        try:
            self._be_impatient()
            if self._term is not None:
                renewed = self._renew(self._term)
                self._settle(self._term if renewed else None, begun)
                return RENEW_EVERY if renewed else LOOK_EVERY
            if (term := self._take()) is not None:
                logger.info("this process has the duties now, as term %d", term)
                self._settle(term, begun)
                return RENEW_EVERY
            return LOOK_EVERY
        except DatabaseError as error:
            self._over = None  # somebody writes: perhaps the holder, in one long transaction
            connection.close()
            if self._term is not None:
                if time.monotonic() < self._until:
                    return _AGAIN
                logger.warning("the lease could not be renewed in time: %s", error)
                self._settle(None, begun)
            return LOOK_EVERY

    def _renew(self, term: int) -> bool:
        ours = Row.objects.filter(name=DUTIES, holder=self._holder, term=term)
        return bool(ours.update(until=clock.now() + DURATION))

    def _take(self) -> int | None:
        """Our term's number; None where another has it, or may only be late with its renewal."""
        row = Row.objects.filter(name=DUTIES).first()
        if row is None:
            Row.objects.bulk_create([Row(name=DUTIES)], ignore_conflicts=True)
            return None
        if row.until > clock.now():
            self._over = None
            return None
        if row.holder and self._over != row.term:
            self._over = row.term
            return None
        over = Row.objects.filter(name=DUTIES, term=row.term, until=row.until)
        term = row.term + 1
        mine = {"holder": self._holder, "term": term, "until": clock.now() + DURATION}
        return term if over.update(**mine) else None

    def _be_impatient(self) -> None:
        """No statement of this thread's connection waits long."""
        connection.ensure_connection()
        if self._connection is connection.connection:
            return
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute(f"PRAGMA busy_timeout = {_PATIENCE}")
            else:
                cursor.execute(f"SET lock_timeout = {_PATIENCE}")
                cursor.execute(f"SET statement_timeout = {4 * _PATIENCE}")
        self._connection = connection.connection

    def _settle(self, term: int | None, begun: float) -> None:
        with self._changed:
            if self._term is not None and term is None:
                logger.warning("this process has the duties no more")
            self._over = None
            self._term = term
            self._until = begun + DURATION - MARGIN if term is not None else 0.0
            if not self._closing:
                self._changed.notify_all()

    def _release(self, term: int) -> None:
        try:
            ours = Row.objects.filter(name=DUTIES, holder=self._holder, term=term)
            ours.update(until=clock.now(), holder="")
        except DatabaseError as error:
            logger.info("the lease ends by itself: %s", error)
