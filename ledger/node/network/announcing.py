"""Telling peers that there is something new: our kind in words, old ones by having them ask."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ledger.models import Tip

from ..conf import NodeConf
from ..errors import NodeError
from ..identity import Identity
from . import client
from .recognition import Position
from .serving import newest_in_pool

ANNOUNCEMENTS: Final = "/api/v1/network/announcements"
RESOLVE: Final = "/nodes/resolve"
_DEADLINE: Final = 5.0  # seconds: it is a word in passing
_ANY_STATUS: Final = range(100, 600)


@dataclass(frozen=True, slots=True)
class State:
    """Where this node stands: what an announcement tells."""

    tip: Position
    newest: int

    @classmethod
    def now(cls) -> State:
        tip = Tip.objects.select_related("block").get(pk=1)
        return cls(Position(tip.index, tip.block.hash), newest_in_pool())


def announce(address: str, state: State, own: Identity, conf: NodeConf) -> bool:
    """Tell a peer of our kind; whether it heard."""
    said = {
        "identifier": own.identifier,
        "port": conf.port,
        "tip": {"index": state.tip.index, "hash": state.tip.hash},
        "pool": {"newest": state.newest},
    }
    if conf.public_address:
        said["address"] = conf.public_address
    try:
        with client.ask(
            address,
            ANNOUNCEMENTS,
            policy=conf.peer_policy,
            deadline=min(_DEADLINE, conf.peer_deadline),
            accept=(204,),
            json=said,
        ):
            return True
    except NodeError:
        return False


def nudge(address: str, conf: NodeConf) -> None:
    """Have an old peer that knows us ask its peers, us among them. What it answers is not read: it
    may be its whole chain."""
    with (
        suppress(NodeError),
        client.ask(
            address,
            RESOLVE,
            policy=conf.peer_policy,
            deadline=conf.peer_deadline,
            accept=_ANY_STATUS,
        ),
    ):
        pass
