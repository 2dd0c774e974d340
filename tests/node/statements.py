"""Every SQL statement of a connection as a place where something can strike.

Counted are all statements that Django sends, each row of an `executemany` for itself, BEGIN and
savepoints, and COMMIT and ROLLBACK, which Django sends without a cursor.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from django.db import connection


class Crash(BaseException):
    """The process is gone, as far as the code under test can tell: no `except Exception` helps."""


def raise_crash(statement: str) -> None:
    # What a dead process leaves undone stays undone; Django, in leaving a transaction, would set
    # the connection back to autocommit, which commits.
    connection.connection.rollback()
    raise Crash(statement)


def kill_this_process(_statement: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    signal.pause()  # nothing more is done, even if the signal should take its time


class Countdown:
    """Strikes before or after the `nth` statement since it was armed, once."""

    def __init__(self, strike: Callable[[str], None]) -> None:
        self._strike = strike
        self._nth = 0
        self._when = ""
        self._paused = False
        self.passed = 0
        self.fired = False

    def watch_this_thread(self) -> None:
        """Count the statements of this thread's connection from now on."""
        commit, rollback = connection._commit, connection._rollback
        connection._commit = lambda: self._step("COMMIT", commit)
        connection._rollback = lambda: self._step("ROLLBACK", rollback)
        connection.execute_wrappers.append(self._around)

    def leave_this_thread(self) -> None:
        connection.execute_wrappers.remove(self._around)
        del connection._commit, connection._rollback

    def arm(self, nth: int, when: str = "before") -> None:
        self._nth, self._when, self.passed, self.fired = nth, when, 0, False

    def disarm(self) -> None:
        self._nth = 0

    def pause(self) -> None:
        """Neither count nor strike until `resume`."""
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def _around(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        if not many:
            return self._step(sql, lambda: execute(sql, params, many, context))
        answer = None
        for row in params:
            answer = self._step(sql, lambda row=row: execute(sql, [row], many, context))
        return answer

    def _step(self, sql: str, call: Callable[[], Any]) -> Any:
        if self._paused:
            return call()
        self.passed += 1
        here = self.passed == self._nth and not self.fired
        if here and self._when == "before":
            self._hit(sql)
        answer = call()
        if here and self._when == "after":
            self._hit(sql)
        return answer

    def _hit(self, sql: str) -> None:
        self.fired = True
        self._strike(sql)
