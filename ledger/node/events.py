"""What happened, written with what happened, and the word that there is something new.

An event is a row, inserted in the transaction that made it true: whoever reads events in order of
their number reads history. Nothing else is needed for correctness. `listeners` only hear, after
the commit and in the same process, that looking again is worth while; other processes look by the
clock.

Kinds and payloads are part of the live protocol (see `ledger/live`). Amounts travel as strings,
since JavaScript cannot hold a 64-bit integer.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from django.utils import timezone

from ledger.models import Event

from .rows import insert

logger = logging.getLogger(__name__)

BLOCK: Final = "block"  # one block was added to the tip
CHAIN_EXTENDED: Final = "chain-extended"  # many were, at once
REORGANISED: Final = "reorganisation"  # the active chain left one branch for another
TRANSACTION: Final = "transaction"  # one was accepted into the pool
PEER: Final = "peer"  # one was registered
REFUSAL: Final = "refusal"  # a peer's chain was refused, or the peer could not be asked
NODE: Final = "node"  # this node started
OPERATOR: Final = "operator"  # the operator did something that no other kind tells

KINDS: Final = (BLOCK, CHAIN_EXTENDED, REORGANISED, TRANSACTION, PEER, REFUSAL, NODE, OPERATOR)


_in_json: Final = json.JSONEncoder(ensure_ascii=False).encode


def record(kind: str, **payload: Any) -> None:
    """Insert one event into the transaction under way."""
    record_all(kind, [payload])


def record_all(kind: str, payloads: Iterable[dict[str, Any]]) -> None:
    """Insert events of one kind, in order."""
    rows = [(_in_json(payload),) for payload in payloads]
    insert(Event, ("payload",), rows, kind=kind, at=timezone.now())


def record_act(act: str, subject: str = "", *, index: int = 0, reason: str = "") -> None:
    """The operator did `act` to a block (its hash, `index`), a transaction or a peer. Who it was is
    not told: everybody hears events."""
    record(OPERATOR, act=act, subject=subject, index=index, reason=reason)


def newest() -> int:
    """The number of the newest event; 0 before the first."""
    return Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def acts_between(after: int, upto: int) -> list[str]:
    """What the operator did, from events behind number `after` up to `upto`."""
    rows = Event.objects.filter(pk__gt=after, pk__lte=upto, kind=OPERATOR).order_by("pk")
    return [json.loads(payload)["act"] for payload in rows.values_list("payload", flat=True)]


class Listeners:
    """Callables that are called, without arguments, from the thread that committed."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[], None]] = []

    def add(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Add a listener; the answer, when called, takes it off again."""
        self._listeners = [*self._listeners, listener]

        def forget() -> None:
            self._listeners = [other for other in self._listeners if other is not listener]

        return forget

    def announce(self) -> None:
        for listener in self._listeners:
            try:
                listener()
            except Exception:
                # What was committed stays true whatever a listener makes of it.
                logger.exception("a listener failed")
