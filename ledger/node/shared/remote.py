"""Work that another process does: asked for in rows, answered in rows.

One thread looks for the answers, and at how the duties stand: when it is woken, and by the clock.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

from ledger import consensus
from ledger.models import Block, Job

from ..conf import NodeConf
from ..errors import NodeError, Stopped, Unattended
from ..events import Listeners
from ..foreign_blocks import read_text
from ..identity import Identity
from ..mining import MiningState, too_many
from ..network.progress import NetworkState
from ..network.sync import Round
from ..network.visit import News
from ..work import Asked
from ..writer import Writer
from . import jobs, lease, probes, states
from .lookout import Lookout

T = TypeVar("T")

LOOK_EVERY: Final = 0.25  # seconds, while nothing is asked for
_WAITING: Final = 0.1  # seconds, while something is
_INTEREST_EVERY: Final = jobs.INTEREST / 4
_TAKEOVER: Final = 3.0  # seconds behind the end of a lease for another process to take it
_NEWS: Final = 64  # announcements at once
_NOBODY: Final = "no worker is at work on this node"


@dataclass(slots=True)
class _Open:
    """A job that waits for its answer. `read` makes of it what the future is to have."""

    future: Future[Any]
    read: Callable[[Any], Any]


class RemoteWork:
    """Asks, from `start` on. `condemned` is called, from its thread, with the reason, where the
    stored chain was found broken."""

    def __init__(
        self,
        own: Identity,
        conf: NodeConf,
        writer: Writer,
        name: str,
        elsewhere: Listeners,
        condemned: Callable[[str], None],
    ) -> None:
        self.mining_changed = Listeners()
        self.network_changed = Listeners()
        self._own = own
        self._limit = conf.mine_queue
        self._writer = writer
        self._name = name
        self._condemned = condemned
        self._lock = threading.Lock()
        self._open: dict[int, _Open] = {}
        self._news: dict[str, News] = {}
        self._idle = MiningState(None, 0, 0.0, 0.0, 16**own.network.difficulty, 0)
        self._mining, self._network = self._idle, NetworkState((), 0)
        self._standing = lease.Standing("", 0, 0.0, "")
        self._read_at = time.monotonic()
        self._interest_at = time.monotonic()
        self._closing = False
        what = "looking for the worker's answers"
        self._lookout = Lookout("ledger-remote", what, self._look, self._every, LOOK_EVERY)
        self._forget = elsewhere.add(self._lookout.wake)

    def start(self) -> None:
        self._lookout.start()

    def close(self) -> None:
        """Withdraw what is asked for, before the writer closes. Idempotent."""
        self._forget()
        with self._lock:
            self._closing = True
        self._lookout.close()
        with self._lock:
            waiting, self._open = self._open, {}
        if waiting:
            with suppress(NodeError):
                self._writer.run(partial(jobs.withdraw, list(waiting)))
        for one in waiting.values():
            _fail(one.future, Stopped("this node is shutting down"))

    def unattended(self) -> str:
        """Why nobody has the duties; empty if somebody has."""
        left = self._standing.left - (time.monotonic() - self._read_at)
        if left > 0:
            return ""
        if not self._standing.term:
            return _NOBODY
        return f"{_NOBODY}: the last one was heard of {lease.DURATION - left:.0f} seconds ago"

    # --- Work -------------------------------------------------------------------------------------

    def mine(self) -> Asked:
        asking = partial(
            jobs.ask_for_block,
            self._name,
            self._limit,
            lambda waiting: too_many(waiting, self._own.network),
        )
        accepted: Future[None] = Future()
        return Asked(accepted, self._ask(asking, self._block, accepted))

    def cancel_mining(self) -> Future[bool]:
        return self._ask(partial(jobs.ask, jobs.CANCEL_MINING, self._name), bool)

    def resolve(self) -> Future[Round]:
        return self._ask(partial(jobs.ask, jobs.RESOLVE, self._name), jobs.round_from_json)

    def heard(self, news: News) -> None:
        with self._lock:
            if news.address in self._news or len(self._news) < _NEWS:
                self._news[news.address] = news
        self._lookout.wake()

    def mining(self) -> MiningState:
        return self._idle if self.unattended() else self._mining

    def network(self) -> NetworkState:
        return self._network if not self.unattended() else replace(self._network, catching_up=())

    def show_probe(self, token: str) -> Future[None]:
        return self._write(partial(probes.show, token))

    def saw_probe(self, token: str) -> Future[bool]:
        return self._write(partial(probes.saw, token))

    # --- asking -----------------------------------------------------------------------------------

    def _write(self, operation: Callable[[], T]) -> Future[T]:
        try:
            return self._writer.submit(operation)
        except NodeError as error:
            failed: Future[T] = Future()
            failed.set_exception(error)
            return failed

    def _ask(
        self,
        asking: Callable[[], int],
        read: Callable[[Any], T],
        accepted: Future[None] | None = None,
    ) -> Future[T]:
        """Write a job; the future has what `read` makes of its answer."""
        future: Future[T] = Future()

        def asked(writing: Future[int]) -> None:
            if (error := writing.exception()) is not None:
                _fail(future, error)
                if accepted is not None:
                    _fail(accepted, error)
                return
            number = writing.result()
            with self._lock:
                if self._closing:
                    _fail(future, Stopped("this node is shutting down"))
                else:
                    self._open[number] = _Open(future, read)
            if accepted is not None:
                with suppress(InvalidStateError):
                    accepted.set_result(None)
            # Whoever hangs up takes the job back; called at once if that was before now.
            future.add_done_callback(partial(self._take_back, number))
            self._lookout.wake()

        self._write(asking).add_done_callback(asked)
        return future

    def _take_back(self, number: int, future: Future[Any]) -> None:
        if future.cancelled():
            with self._lock:
                self._open.pop(number, None)
            self._write(partial(jobs.withdraw, [number]))

    def _block(self, found: Any) -> consensus.Block:
        text = Block.objects.values_list("canonical", flat=True).get(hash=found["hash"])
        return read_text(text.encode(), self._own.network)

    # --- looking, in the thread -------------------------------------------------------------------

    def _every(self) -> float:
        return _WAITING if self._open else LOOK_EVERY

    def _look(self) -> None:
        with self._lock:
            numbers = list(self._open)
            news, self._news = list(self._news.values()), {}
        if news:
            said = [asdict(one) for one in news]
            self._writer.submit(partial(jobs.ask, jobs.HEARD, self._name, said))
        if numbers:
            for job in jobs.answered(numbers):
                self._settle(job)
            if time.monotonic() - self._interest_at > _INTEREST_EVERY:
                self._interest_at = time.monotonic()
                self._writer.submit(partial(jobs.move_on, numbers))
        self._look_at_states()
        if self._standing.fault:
            self._condemned(self._standing.fault)
        self._give_up()

    def _settle(self, job: Job) -> None:
        with self._lock:
            one = self._open.pop(job.pk, None)
        if one is None:
            return
        if job.state != Job.State.DONE:
            _fail(one.future, jobs.refusal(job))
            return
        try:
            value = one.read(json.loads(job.answer))
        except Exception as error:
            _fail(one.future, error)
        else:
            with suppress(InvalidStateError):
                one.future.set_result(value)

    def _look_at_states(self) -> None:
        read_at, standing = time.monotonic(), lease.standing()
        self._standing, self._read_at = standing, read_at
        found = states.read()
        if found is None:
            return
        mining, network = found
        before = self._mining, self._network
        self._mining, self._network = mining, network
        if mining != before[0]:
            self.mining_changed.announce()
        if network != before[1]:
            self.network_changed.announce()

    def _give_up(self) -> None:
        """Nobody has the duties, and nobody has taken them over: whoever waits is told."""
        if self._standing.left > -_TAKEOVER:
            return
        with self._lock:
            waiting, self._open = self._open, {}
        if waiting:
            self._writer.submit(partial(jobs.withdraw, list(waiting)))
        for one in waiting.values():
            _fail(one.future, Unattended(self.unattended()))


def _fail(future: Future[Any], error: BaseException) -> None:
    with suppress(InvalidStateError):
        future.set_exception(error)
