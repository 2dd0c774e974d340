"""How the duties stand, as a row for each: whoever serves pages shows it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Final

from ledger.models import SharedState

from ..mining import MiningState
from ..network.progress import CatchingUp, NetworkState

MINING: Final = "mining"
NETWORK: Final = "network"


def write(mining: MiningState, network: NetworkState) -> None:
    """In the transaction under way."""
    for kind, state in ((MINING, mining), (NETWORK, network)):
        payload = json.dumps(asdict(state))
        SharedState.objects.update_or_create(kind=kind, defaults={"payload": payload})


def read() -> tuple[MiningState, NetworkState] | None:
    """None before anybody wrote."""
    found = dict(SharedState.objects.values_list("kind", "payload"))
    if MINING not in found or NETWORK not in found:
        return None
    network = json.loads(found[NETWORK])
    ways = tuple(CatchingUp(**way) for way in network["catching_up"])
    return MiningState(**json.loads(found[MINING])), NetworkState(ways, network["revision"])
