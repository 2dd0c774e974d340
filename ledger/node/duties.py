"""What one process does for all on a database: search for blocks, ask peers, keep in touch.

Everything here is safe to have twice, for the database decides which block comes next; but two
would search and ask for the same, and peers would hear everything twice.
"""

from __future__ import annotations

from functools import partial

from ledger.models import Peer

from .conf import NodeConf
from .events import Listeners
from .identity import Identity
from .mining import Miner
from .network.asking import Asker
from .network.catch_up import CatchUp
from .network.discovery import Discovery
from .network.keeper import Keeper
from .network.progress import NetworkProgress
from .network.sync import Syncer
from .network.visit import Saw
from .relayed import Intake
from .writer import Writer


class Duties:
    """They answer whoever asks; nothing happens by itself before `start`. `saw` as in `Keeper`."""

    def __init__(
        self,
        own: Identity,
        conf: NodeConf,
        writer: Writer,
        committed: Listeners,
        saw: Saw | None = None,
    ) -> None:
        self._conf = conf
        self.miner = Miner(own, writer, committed, queue=conf.mine_queue, cores=conf.mining_cores)
        self.network = NetworkProgress()
        self.catch_up = CatchUp(own.network, writer, conf, self.network)
        asker = Asker(own.network, writer, conf, self.catch_up)
        self.syncer = Syncer(asker, writer, conf, self.network)
        self.intake = Intake(own.network, transactions=conf.pool_transactions, size=conf.pool_bytes)
        self.keeper = Keeper(own, conf, asker, self.intake, writer, committed, self.network, saw)
        found = partial(self.keeper.meet, source=Peer.Source.DISCOVERED)
        self.discovery = Discovery(own, conf, found)

    def start(self) -> None:
        """Keep in touch with peers from now on, unless the settings leave that to people."""
        if self._conf.is_automatic:
            self.keeper.start()
            self.discovery.start()

    def close(self) -> None:
        """Begin nothing more, and give up the search. Idempotent."""
        self.discovery.close()
        self.keeper.close()
        self.syncer.close()
        self.network.close()
        self.miner.close()
        self.catch_up.close()
