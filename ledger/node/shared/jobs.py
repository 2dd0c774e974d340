"""The rows by which one process asks another, and is answered.

All of it runs in a transaction of the writer, except for what only reads. An answer is written in
the transaction that makes it true wherever that is one, so that a kill loses or doubles nothing:
what was taken and not answered is taken again in the next term.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from typing import Any, Final

from django.db.models import Q

from ledger.models import Job

from ..chainstate import Switch
from ..errors import NodeError, Overloaded, Stopped
from ..mining import MiningCancelled
from ..network.sync import PeerReport, Round
from . import clock

MINE: Final = "mine"
CANCEL_MINING: Final = "cancel-mining"
RESOLVE: Final = "resolve"
HEARD: Final = "heard"

INTEREST: Final = 10.0  # seconds, unless it is moved on: whoever asked may be killed
_KEPT: Final = 60.0  # seconds, for a process that was kept waiting to find its answer
_OPEN: Final = (Job.State.ASKED, Job.State.TAKEN)
_KINDS: Final = {error.__name__: error for error in (MiningCancelled, Stopped)}


def ask(kind: str, asked_by: str, arguments: Any = None) -> int:
    """Insert a job; its number."""
    now = clock.now()
    job = Job.objects.create(
        kind=kind,
        arguments=json.dumps(arguments),
        asked_by=asked_by,
        asked_at=now,
        until=now + INTEREST,
    )
    return job.pk


def ask_for_block(asked_by: str, limit: int, refusal: Callable[[int], Overloaded]) -> int:
    """The same, for a block. Raises what `refusal` makes of the number that wait, from `limit` on;
    the one that is searched for does not wait."""
    waiting = _of_interest().filter(kind=MINE).count() - 1
    if waiting >= limit:
        raise refusal(waiting)
    return ask(MINE, asked_by)


def move_on(numbers: Collection[int]) -> None:
    """Who asked is still there."""
    Job.objects.filter(pk__in=numbers, state__in=_OPEN).update(until=clock.now() + INTEREST)


def withdraw(numbers: Collection[int]) -> None:
    """Who asked does not care any more. What was answered by then stays answered."""
    Job.objects.filter(pk__in=numbers, state__in=_OPEN).update(state=Job.State.WITHDRAWN)


def answered(numbers: Collection[int]) -> list[Job]:
    """Those of the jobs that will not change any more. Reads only."""
    return list(Job.objects.filter(pk__in=numbers).exclude(state__in=_OPEN))


def are_there(term: int) -> bool:
    """Whether there is anything for `take`. Reads only."""
    return bool(_to_be_taken(term).exists())


def take(term: int) -> list[Job]:
    """What was asked, and what an earlier term took and did not answer, in the order of asking."""
    jobs = list(_to_be_taken(term).order_by("pk"))
    Job.objects.filter(pk__in=[job.pk for job in jobs]).update(state=Job.State.TAKEN, term=term)
    return jobs


def lost_interest(numbers: Collection[int], term: int) -> list[int]:
    """Those of the jobs taken in this term whose answer nobody waits for. Reads only."""
    still = _of_interest().filter(pk__in=numbers, state=Job.State.TAKEN, term=term)
    return sorted(set(numbers) - set(still.values_list("pk", flat=True)))


def answer(number: int, term: int, value: Any) -> bool:
    """Answer what this term took; whether it was still waited for, and still ours to answer."""
    return _settle(number, term, Job.State.DONE, value)


def refuse(number: int, term: int, error: NodeError) -> bool:
    """The same, with the reason why not."""
    reason = {"error": type(error).__name__, "said": str(error)}
    if isinstance(error, Overloaded):
        reason["retry_after"] = str(error.retry_after)
    return _settle(number, term, Job.State.REFUSED, reason)


def refusal(job: Job) -> NodeError:
    """Why it was refused, as whoever has the duties would have raised it."""
    if not job.answer:
        return MiningCancelled("nobody waited for this any more")
    reason = json.loads(job.answer)
    if reason["error"] == Overloaded.__name__:
        return Overloaded(reason["said"], retry_after=int(reason["retry_after"]))
    return _KINDS.get(reason["error"], NodeError)(reason["said"])


def forget_old() -> None:
    """Delete what nobody will look for."""
    Job.objects.filter(until__lt=clock.now() - _KEPT).delete()


def round_to_json(done: Round) -> Any:
    return asdict(done)


def round_from_json(value: Any) -> Round:
    switch, reports = value["switch"], value["reports"]
    return Round(
        Switch(**switch) if switch else None, tuple(PeerReport(**report) for report in reports)
    )


def _of_interest() -> Any:
    return Job.objects.filter(state__in=_OPEN, until__gt=clock.now())


def _to_be_taken(term: int) -> Any:
    return _of_interest().filter(Q(state=Job.State.ASKED) | Q(term__lt=term))


def _settle(number: int, term: int, state: Job.State, value: Any) -> bool:
    ours = Job.objects.filter(pk=number, state=Job.State.TAKEN, term=term)
    return bool(ours.update(state=state, answer=json.dumps(value)))
