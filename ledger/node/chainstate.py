"""The active chain, and how it changes: connect, disconnect, reorganise.

Everything here runs inside one database transaction, opened by the writer. The blocks are stored
and valid already; what is decided here is which of them are active, what that means for our
transactions and for the totals of addresses, and the record of it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from ledger.consensus import Network
from ledger.models import (
    ActiveBlock,
    Block,
    Inclusion,
    Reorganisation,
    ReorganisedTransaction,
    Tip,
    Transaction,
)
from ledger.queries.forks import STALE_PATH

from . import events, marks, matching, mempool, totals
from .errors import TipMoved

SHOWN: Final = 10  # blocks described in one event; whoever wants more asks for them
_NAMED: Final = 500  # transactions named in one event

State = Transaction.State
Effect = ReorganisedTransaction.Effect

# Put together from constants, nothing else.
_LOWEST: Final = STALE_PATH + 'SELECT MIN("index") FROM path'  # noqa: S608
_CONNECT: Final = (
    'INSERT INTO ledger_activeblock ("index", block_id)'  # noqa: S608
    + STALE_PATH
    + 'SELECT "index", id FROM path ORDER BY "index"'
)


@dataclass(frozen=True, slots=True)
class Switch:
    """What a change of the active chain did. `fork_index` is the last index that stayed."""

    fork_index: int
    disconnected: int
    connected: int
    returned: int
    released: int
    confirmed: int


def tip_for_update() -> Tip:
    """The tip, held until the transaction ends."""
    return Tip.objects.select_for_update(of=("self",)).select_related("block").get(pk=1)


def tip() -> Tip:
    """The tip as of now, with its block but not that one's text."""
    return Tip.objects.select_related("block").defer("block__canonical").get(pk=1)


def switch_to(block: Block, network: Network, source: str = "") -> Switch | None:
    """Make `block` the tip if the network prefers its chain to ours; None if it does not.

    Raises `MarkedInvalid` where the operator's mark stands against it.
    """
    tip = tip_for_update()
    if not network.prefers(block.index, tip.index):
        return None
    marks.check_path(block)
    return force_tip(block, tip, source)


def force_tip(block: Block, tip: Tip, source: str = "") -> Switch:
    """Make `block` the tip, whatever the lengths. `tip` is the present one, held for update."""
    index = fork_index(block)
    undone = _disconnect_above(index, tip.index) if tip.index > index else set[int]()
    _connect_path(block)
    totals.apply_stretch(index, block.index, 1)
    confirmed = _confirm_above(index)
    confirmed |= matching.match_with_blocks_above(index, undone - confirmed)
    returned, released = mempool.put_back(undone - confirmed)
    _move_tip(tip, block)
    switch = Switch(
        fork_index=index,
        disconnected=tip.index - index,
        connected=block.index - index,
        returned=len(returned),
        released=len(released),
        confirmed=len(confirmed),
    )
    _record(
        switch,
        tip,
        block,
        source,
        {Effect.RETURNED: returned, Effect.RELEASED: released, Effect.CONFIRMED: confirmed},
    )
    return switch


def extend(block: Block, tip: Tip, confirmed: list[Transaction]) -> None:
    """Put one block on the tip that was sealed here; its inclusions name their transactions."""
    ActiveBlock.objects.create(index=block.index, block=block)
    totals.apply_stretch(tip.index, block.index, 1)
    mempool.set_state([row.pk for row in confirmed], State.CONFIRMED)
    _move_tip(tip, block)
    events.record(
        events.BLOCK, **describe(block), confirmed=[str(row.uid) for row in confirmed[:_NAMED]]
    )


def describe(block: Block) -> dict[str, Any]:
    """A block as events and pages speak of it."""
    return {
        "index": block.index,
        "hash": block.hash,
        "previous_hash": block.parent_id,
        "timestamp": block.timestamp,
        "proof": block.proof,
        "transactions": block.transaction_count,
        "size": block.size,
        "origin": block.origin,
        "source": block.source,
    }


def fork_index(block: Block) -> int:
    """The index of the last active block among `block` and its ancestors; 0 if there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_LOWEST, [block.pk])
        (lowest,) = cursor.fetchone()
        return block.index if lowest is None else int(lowest) - 1


def _disconnect_above(index: int, upto: int) -> set[int]:
    """Take active blocks away; answer which of our transactions were confirmed in them."""
    totals.apply_stretch(index, upto, -1)
    undone = _named_above(index)
    ActiveBlock.objects.filter(index__gt=index).delete()
    mempool.lower_floors(index, undone)
    return undone


def _connect_path(block: Block) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CONNECT, [block.pk])


def _named_above(index: int) -> set[int]:
    """Our transactions that active blocks above `index` include."""
    rows = Inclusion.objects.filter(
        block__active__index__gt=index, transaction__isnull=False
    ).values_list("transaction_id", flat=True)
    return set(rows)


def _confirm_above(index: int) -> set[int]:
    """Confirm our transactions that newly connected blocks are known to include."""
    named = _named_above(index)
    mempool.set_state(named, State.CONFIRMED)
    return named


def _move_tip(tip: Tip, block: Block) -> None:
    """Compare and set: whoever moved the tip since it was read wins, and we start again."""
    moved = Tip.objects.filter(pk=1, version=tip.version).update(
        block=block, index=block.index, version=tip.version + 1
    )
    if not moved:
        raise TipMoved("the tip moved")


def _record(
    switch: Switch, old: Tip, new: Block, source: str, effects: dict[Effect, set[int]]
) -> None:
    # Of a chain that only got shorter, the tip: whoever listens has to know where it ends.
    first = min(max(switch.fork_index + 1, new.index - SHOWN + 1), new.index)
    rows = Block.objects.filter(active__index__gte=first).order_by("index")
    blocks = [describe(block) for block in rows]
    named = _uids(effects[Effect.CONFIRMED])
    if not switch.disconnected:
        if switch.connected == len(blocks):
            within = _uids_by_index(switch.fork_index)
            events.record_all(
                events.BLOCK,
                [{**block, "confirmed": within[block["index"]][:_NAMED]} for block in blocks],
            )
        else:
            events.record(
                events.CHAIN_EXTENDED,
                connected=switch.connected,
                blocks=blocks,
                confirmed=named,
                source=source,
            )
        return
    row = Reorganisation.objects.create(
        old_tip=old.block,
        new_tip=new,
        fork_index=switch.fork_index,
        disconnected=switch.disconnected,
        connected=switch.connected,
        source=source[:300],
        at=timezone.now(),
    )
    ReorganisedTransaction.objects.bulk_create(
        [
            ReorganisedTransaction(reorganisation=row, transaction_id=pk, effect=effect)
            for effect, pks in effects.items()
            for pk in sorted(pks)
        ]
    )
    events.record(
        events.REORGANISED,
        id=row.pk,
        fork_index=switch.fork_index,
        disconnected=switch.disconnected,
        connected=switch.connected,
        old_tip=describe(old.block),
        blocks=blocks,
        returned=_uids(effects[Effect.RETURNED]),
        returned_count=switch.returned,
        released=_uids(effects[Effect.RELEASED]),
        confirmed=named,
        source=source,
    )


def _uids(pks: set[int]) -> list[str]:
    """The public names of some transactions, the first `_NAMED` by arrival."""
    first = sorted(pks)[:_NAMED]
    return [str(row.uid) for row in Transaction.objects.filter(pk__in=first).order_by("pk")]


def _uids_by_index(index: int) -> dict[int, list[str]]:
    """The public names of our transactions in the active blocks above `index`, by their block."""
    rows = Inclusion.objects.filter(block__active__index__gt=index, transaction__isnull=False)
    found: dict[int, list[str]] = defaultdict(list)
    places = rows.order_by("index", "position").values_list("index", "transaction__uid")
    for at, uid in places:
        found[at].append(str(uid))
    return found
