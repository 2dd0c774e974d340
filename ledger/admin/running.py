"""Acts under way: each in a thread of its own, so that neither an event loop nor a browser waits.

Each form carries a key, and a key acts once: a double click or a page sent again finds the act that
is there. Every act has a line in the admin's history before it begins, and its outcome in that line
when it ended. What runs and what ended lately is kept here for the page that shows it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, Error, connection
from django.db.models import Model
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ledger.faults import said
from ledger.hidden import visible
from ledger.models import NodeIdentity
from ledger.node.errors import NodeError, Overloaded

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
Work = Callable[[Progress], Any]
"""Does the act and answers with its outcome, whose `str` is the result in words."""

_KEPT: Final = 20  # acts that ended, for the page
_AT_ONCE: Final = 8
_LONGEST: Final = 200  # characters of a name in the history


@dataclass(slots=True, eq=False)
class RunningAct:
    """An act, under way or ended. `state` is `running`, `done` or `failed`; `total` is 0 where
    nobody knows how much there is to do."""

    key: str
    act: str
    name: str
    user: str
    line: int = 0
    state: Literal["running", "done", "failed"] = "running"
    text: str = ""
    done: int = 0
    total: int = 0
    began_at: datetime = field(default_factory=timezone.now)
    ended_at: datetime | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def note(self, done: int, total: int) -> None:
        self.done, self.total = done, total


_acts: dict[str, RunningAct] = {}
_lock: Final = threading.Lock()


def latest() -> list[RunningAct]:
    """What runs and what ended lately, the newest first."""
    with _lock:
        return list(_acts.values())[::-1]


def begin(
    key: str, act: str, name: str, user: Any, work: Work, row: Model | None = None
) -> RunningAct:
    """Begin an act, or find the one that this key began. `row` is what it is done to.

    Raises `NodeError` where the same act is under way already, or too many are.
    """
    with _lock:
        if found := _acts.get(key):
            return found
        under_way = [other for other in _acts.values() if other.state == "running"]
        if row is None and any(other.act == act for other in under_way):
            raise NodeError(_("{name}: this is under way already.").format(name=name))
        if len(under_way) >= _AT_ONCE:
            raise Overloaded(_("Too many acts are under way. Wait until one has ended."))
        begun = _acts[key] = RunningAct(key, act, visible(name)[:_LONGEST], user.get_username())
        _forget_oldest()
    try:
        begun.line = _write_line(begun, user, row)
    except DatabaseError as error:
        _end(begun, "failed", str(error))
        raise NodeError(
            _("The history cannot be written, so nothing was begun: {why}").format(why=error)
        ) from error
    arguments = (begun, work, translation.get_language())
    threading.Thread(target=_run, args=arguments, name=f"ledger-act-{act}", daemon=True).start()
    return begun


def write_line(name: str, user: Any, outcome: str, row: Model | None = None) -> int:
    """A line of the history for what is no act in a thread: a download. Answers with its number."""
    row = row or NodeIdentity.objects.get(pk=1)
    entry = LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(row),
        object_id=str(row.pk),
        object_repr=visible(name)[:_LONGEST],
        action_flag=CHANGE,
        change_message=visible(outcome),
    )
    return entry.pk


def amend_line(line: int, outcome: str) -> None:
    """Put the outcome into a line that says something was begun."""
    try:
        LogEntry.objects.filter(pk=line).update(change_message=visible(outcome))
    except Error as error:
        logger.error("the outcome of an act is not in the admin's history: %s", error)


def amend_line_and_close(line: int, outcome: str) -> None:
    """The same, for a thread that may never come back to the database."""
    try:
        amend_line(line, outcome)
    finally:
        connection.close()


def _write_line(begun: RunningAct, user: Any, row: Model | None) -> int:
    return write_line(begun.name, user, _("Begun; how it ended is not known."), row)


def _run(begun: RunningAct, work: Work, language: str | None) -> None:
    with translation.override(language):
        try:
            outcome = work(begun.note)
            state = "done" if getattr(outcome, "sound", True) else "failed"
            _finish(begun, state, str(outcome))
        except NodeError as error:
            _finish(begun, "failed", said(str(error)))
        except Exception:
            logger.exception("an act failed: %s", begun.act)
            _finish(begun, "failed", _("This node made a mistake; its log says more."))
        finally:
            connection.close()


def _finish(begun: RunningAct, state: Any, text: str) -> None:
    words = _("Done: {text}") if state == "done" else _("Failed: {text}")
    try:
        amend_line(begun.line, words.format(text=text))
    finally:  # whatever becomes of the line, nobody waits for this act for ever
        _end(begun, state, text)


def _end(begun: RunningAct, state: Any, text: str) -> None:
    begun.text, begun.ended_at, begun.state = text, timezone.now(), state
    begun.ended.set()


def _forget_oldest() -> None:
    ended = [key for key, act in _acts.items() if act.state != "running"]
    for key in ended[: max(0, len(ended) - _KEPT)]:
        del _acts[key]
