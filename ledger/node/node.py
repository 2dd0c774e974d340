"""The parts of a running node, in one process or as one process's share."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Final

from . import bulk, events
from .conf import NodeConf
from .duties import Duties
from .errors import Unattended
from .events import Listeners
from .identity import Identity
from .mempool import Door
from .mining import Miner
from .network.keeper import Keeper
from .network.progress import NetworkProgress
from .network.sync import Syncer
from .reading import Reader
from .shared import lease, probes
from .shared.remote import RemoteWork
from .shared.shift import Shift
from .shared.soundness import condemn
from .shared.wakeups import WakeUps
from .work import OwnWork, Work
from .writer import Writer

ALL: Final = "all"
WEB: Final = "web"
WORKER: Final = "worker"


class Node:
    """Made by `lifecycle.start`. Its role says what of it there is.

    `committed` listeners hear that something was written: by this process, and by others where
    there are wake-ups.
    """

    def __init__(self, own: Identity, conf: NodeConf, role: str = ALL) -> None:
        self.identity = own
        self.conf = conf
        self.role = role
        self.started_at = time.time()
        self.committed = Listeners()
        self._name = lease.name_of_this_process()
        self._elsewhere, written = Listeners(), Listeners()
        self._elsewhere.add(self.committed.announce)
        written.add(self.committed.announce)
        self.wakeups = self._wakeups()
        if self.wakeups is not None:
            written.add(self.wakeups.tell)
        self.reader = Reader()
        self.writer = Writer(written)
        self.door = Door(own.network, transactions=conf.pool_transactions, size=conf.pool_bytes)
        self.shift: Shift | None = None
        self._duties: Duties | None = None
        self._remote: RemoteWork | None = None
        self.work = self._work()

    def _wakeups(self) -> WakeUps | None:
        url, node = self.conf.redis_url, self.identity.identifier
        return WakeUps(url, node, self._name, self._elsewhere) if url else None

    def _work(self) -> Work:
        if self.role == ALL:
            self._duties = Duties(self.identity, self.conf, self.writer, self.committed)
            return OwnWork(self._duties)
        if self.role == WORKER:
            self.shift = Shift(self._name, self._begin_duties, self.writer, self.committed)
        self._remote = RemoteWork(
            self.identity, self.conf, self.writer, self._name, self._elsewhere, condemn
        )
        return self._remote

    def _begin_duties(self) -> Duties:
        bulk.restore_indexes(self.writer)
        self.writer.run(self._record_start)
        # As many as there may be rows for: those of an earlier term come all at once.
        conf = replace(self.conf, mine_queue=self.conf.mine_queue + 1)
        return Duties(self.identity, conf, self.writer, self.committed, probes.saw)

    def _record_start(self) -> None:
        events.record(events.NODE, identifier=self.identity.identifier)

    def start(self, *, serving: bool) -> None:
        """Begin what is done without being asked."""
        for part in (self.wakeups, self._remote, self.shift):
            if part is not None:
                part.start()
        if self._duties is not None:
            bulk.restore_indexes(self.writer)
            if serving:
                self.writer.run(self._record_start)
                self._duties.start()

    @property
    def own_duties(self) -> Duties | None:
        """None unless it is this process that searches for blocks and talks to peers."""
        return self._duties if self.shift is None else self.shift.duties

    @property
    def has_duties(self) -> bool:
        return self.own_duties is not None

    @property
    def duties(self) -> Duties:
        """Raises `Unattended` where another process has them."""
        found = self.own_duties
        if found is None:
            raise Unattended("another process has the duties of this node")
        return found

    def unattended(self) -> str:
        """Why no process has the duties; empty if one has."""
        return "" if self._remote is None else self._remote.unattended()

    @property
    def miner(self) -> Miner:
        return self.duties.miner

    @property
    def syncer(self) -> Syncer:
        return self.duties.syncer

    @property
    def keeper(self) -> Keeper:
        return self.duties.keeper

    @property
    def network(self) -> NetworkProgress:
        return self.duties.network

    def close(self) -> None:
        """Stop in an order in which nothing waits for what is gone already. Idempotent."""
        for part in (self.shift, self._duties, self._remote, self.writer, self.wakeups):
            if part is not None:
                part.close()
        self.reader.close()
