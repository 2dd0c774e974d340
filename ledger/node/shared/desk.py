"""Where the process that has the duties takes what others ask of it, and answers."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from ledger import consensus
from ledger.models import Job

from ..duties import Duties
from ..errors import NodeError
from ..events import Listeners
from ..mining import MiningCancelled, MiningState
from ..network.progress import NetworkState
from ..network.recognition import Position
from ..network.sync import Round
from ..network.visit import News
from ..writer import Writer
from . import jobs, states
from .lookout import Lookout

LOOK_EVERY: Final = 0.1  # seconds
SHOWN_EVERY: Final = 0.25  # seconds between two words on how the duties stand
_TIDIED_EVERY: Final = 30.0
_AGAIN: Final = 0.5  # seconds after a failure


class Desk:
    """Open from `start` to `close`, in one term of the lease. What is not answered by then is for
    the next term."""

    def __init__(self, term: int, duties: Duties, writer: Writer, committed: Listeners) -> None:
        self._term = term
        self._duties = duties
        self._writer = writer
        self._searches: dict[int, Future[consensus.Block]] = {}
        self._answers: deque[Callable[[], Any]] = deque()
        self._shown: tuple[MiningState, NetworkState] | None = None
        self._shown_at = self._tidied_at = -_TIDIED_EVERY
        self._closing = False
        what = "looking at what other processes ask"
        self._lookout = Lookout("ledger-desk", what, self._look, lambda: LOOK_EVERY, _AGAIN)
        self._forget = [
            listeners.add(self._lookout.wake)
            for listeners in (committed, duties.miner.changed, duties.network.changed)
        ]

    def start(self) -> None:
        self._lookout.start()

    def close(self) -> None:
        """Idempotent."""
        for forget in self._forget:
            forget()
        self._closing = True
        self._lookout.close()

    def _look(self) -> None:
        if jobs.are_there(self._term):
            for job in self._writer.run(partial(jobs.take, self._term)):
                self._begin(job)
        self._answer()
        self._drop_searches()
        self._show()
        if time.monotonic() - self._tidied_at > _TIDIED_EVERY:
            self._tidied_at = time.monotonic()
            self._writer.run(jobs.forget_old)

    def _begin(self, job: Job) -> None:
        number, arguments = job.pk, json.loads(job.arguments)
        try:
            if job.kind == jobs.MINE:
                search = self._duties.miner.mine(partial(self._seal, number))
                self._searches[number] = search
                search.add_done_callback(partial(self._mined, number))
            elif job.kind == jobs.RESOLVE:
                self._duties.syncer.resolve().add_done_callback(partial(self._resolved, number))
            elif job.kind == jobs.CANCEL_MINING:
                self._queue(jobs.answer, number, self._duties.miner.cancel())
            elif job.kind == jobs.HEARD:
                for one in arguments:
                    self._duties.keeper.heard(News(**{**one, "tip": Position(**one["tip"])}))
                self._queue(jobs.answer, number, None)
            else:
                self._queue(jobs.refuse, number, NodeError(f"nobody here does {job.kind}"))
        except NodeError as error:
            self._queue(jobs.refuse, number, error)

    def _queue(self, settle: Callable[[int, int, Any], bool], number: int, value: Any) -> None:
        """Written in the thread: what the database cannot take now is tried again."""
        self._answers.append(partial(settle, number, self._term, value))
        self._lookout.wake()

    def _answer(self) -> None:
        while self._answers:
            self._writer.run(self._answers[0])
            self._answers.popleft()

    def _seal(self, number: int, block: consensus.Block) -> None:
        """In the transaction that puts the block on the chain: it is for this job, in this term,
        or it is not. So no request gets two blocks, whoever was killed when."""
        if not jobs.answer(number, self._term, {"hash": block.hash}):
            raise MiningCancelled("nobody waits for this block any more")

    def _mined(self, number: int, search: Future[consensus.Block]) -> None:
        self._searches.pop(number, None)
        if self._closing or search.cancelled():
            return
        error = search.exception()
        if isinstance(error, NodeError):
            self._queue(jobs.refuse, number, error)
        elif error is not None:
            self._queue(jobs.refuse, number, NodeError(f"the search failed: {error}"))

    def _resolved(self, number: int, round_: Future[Round]) -> None:
        if self._closing or round_.cancelled():
            return
        error = round_.exception()
        if error is None:
            self._queue(jobs.answer, number, jobs.round_to_json(round_.result()))
        else:
            self._queue(jobs.refuse, number, NodeError(str(error)))

    def _drop_searches(self) -> None:
        if not self._searches:
            return
        for number in jobs.lost_interest(list(self._searches), self._term):
            if search := self._searches.get(number):
                search.cancel()

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._shown_at < SHOWN_EVERY:
            return
        shown = self._duties.miner.state(), self._duties.network.state()
        if shown != self._shown:
            self._writer.run(partial(states.write, *shown))
            self._shown, self._shown_at = shown, now
