"""Repairing what `verification` found: the one place that may touch history.

Two kinds of damage, two answers. Tables that disagree with the blocks' texts are built anew from
the texts. A text that no longer has its hash cannot be recomputed: a good copy is taken from an
exported chain where one is given; else the damaged text is kept as evidence, the active chain is
cut before the block as a recorded reorganisation, and our transactions return to the pool. A good
copy that comes later, from a peer or a file, takes the damaged one's place (`blockstore.store`).

All of it is one transaction, in which the triggers are off and back on before it commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils import timezone

from ledger import models, triggers
from ledger.consensus import Block, Network, Refused
from ledger.consensus.chain_reader import read_text

from . import blockstore, chainstate, marks, mempool, totals, turns
from .errors import Damaged
from .identity import Identity, load
from .verification import text_of_any_bytes

_CHUNK = 500
State = models.Transaction.State


@dataclass(slots=True)
class Repairs:
    """What was done, for people: indexes of blocks healed from a good copy, blocks cut off the
    active chain, and how many rows of which kind were put right."""

    healed: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    cut: int = 0
    returned: int = 0
    blocks: int = 0
    addresses: int = 0
    transactions: int = 0


def repair(good: Iterable[Block] = ()) -> Repairs:
    """Put everything right that can be. `good` are valid blocks of a chain to copy texts from.

    Raises `Damaged` if the genesis is damaged and `good` does not hold it: nothing stands then.
    """
    done = Repairs()
    identity = load()
    if identity is None:
        raise Damaged("there is no node in this data folder")
    with text_of_any_bytes(), turns.turn(), triggers.lifted(connection):
        damaged = _find_damaged(identity.network)
        _heal(damaged, good, done)
        _set_aside(damaged, done)
        _rebuild_blocks(identity.network, set(damaged), done)
        _rebuild_active_chain(identity, set(damaged), done)
        _rebuild_states(done)
        _rebuild_totals(done)
    return done


def _readable(network: Network, digest: str, canonical: str) -> Block | None:
    try:
        block = read_text(canonical.encode(errors="surrogatepass"), network)
    except Refused:
        return None
    return block if block.canonical == canonical and block.hash == digest else None


def _find_damaged(network: Network) -> dict[str, models.Block]:
    rows = models.Block.objects.order_by("index").iterator(chunk_size=_CHUNK)
    return {row.hash: row for row in rows if _readable(network, row.hash, row.canonical) is None}


def _heal(damaged: dict[str, models.Block], good: Iterable[Block], done: Repairs) -> None:
    for block in good:
        row = damaged.pop(block.hash, None)
        if row is not None:
            _keep_evidence(row)
            models.Block.objects.filter(pk=row.pk).update(canonical=block.canonical)
            done.healed.append(block.index)


def _set_aside(damaged: dict[str, models.Block], done: Repairs) -> None:
    for row in damaged.values():
        if _keep_evidence(row):
            done.damaged.append(row.index)


def _keep_evidence(row: models.Block) -> bool:
    """Remember what a damaged text said; False if that was done before."""
    evidence = {"hash": row.hash, "canonical": row.canonical}
    if models.DamagedBlock.objects.filter(**evidence).exists():
        return False
    models.DamagedBlock.objects.create(**evidence, index=row.index, found_at=timezone.now())
    return True


def _rebuild_blocks(network: Network, damaged: set[str], done: Repairs) -> None:
    """Columns and inclusions say what the text says. A link to our transaction is kept if true."""
    for row in models.Block.objects.order_by("pk").iterator(chunk_size=_CHUNK):
        block = None if row.hash in damaged else _readable(network, row.hash, row.canonical)
        if block is None:
            continue
        contents = blockstore.contents_of(block)
        columns = blockstore.columns_of(block, contents)
        wrong = {name: value for name, value in columns.items() if getattr(row, name) != value}
        if wrong:
            models.Block.objects.filter(pk=row.pk).update(**wrong)
        if bool(_mend_inclusions(row.pk, block, contents)) or wrong:
            done.blocks += 1


def _mend_inclusions(pk: int, block: Block, contents: list[blockstore.Content]) -> bool:
    rows = models.Inclusion.objects.filter(block_id=pk).select_related("sender", "recipient")
    present: list[Any] = [
        (
            (row.position, _name(row.sender), _name(row.recipient), row.amount, row.irregular),
            row.index,
            row.transaction_id,
        )
        for row in rows.order_by("position")
    ]
    if [entry[:2] for entry in present] == [
        ((at, *content), block.index) for at, content in enumerate(contents)
    ]:
        return False
    links = {entry[0][0]: entry[2] for entry in present if entry[2] is not None}
    rows.delete()
    blockstore.insert_inclusions(block, pk)
    for position, transaction in links.items():
        if position < len(contents) and _is_content(transaction, contents[position]):
            models.Inclusion.objects.filter(block_id=pk, position=position).update(
                transaction_id=transaction
            )
    return True


def _name(address: models.Address | None) -> str | None:
    return address.name if address else None


def _is_content(pk: int, content: blockstore.Content) -> bool:
    row = models.Transaction.objects.get(pk=pk)
    return (row.sender, row.recipient, row.amount, "") == content


def _rebuild_active_chain(identity: Identity, damaged: set[str], done: Repairs) -> None:
    """The tip's chain is active, down to its genesis, and cut before the first damaged block."""
    tip = models.Tip.objects.select_related("block").filter(pk=1).first()
    top = tip.block if tip else _longest()
    chain = _ancestry(top)
    models.ActiveBlock.objects.all().delete()
    models.ActiveBlock.objects.bulk_create(
        [models.ActiveBlock(index=index, block_id=pk) for index, pk, _ in reversed(chain)],
        batch_size=_CHUNK,
    )
    if tip is None:
        tip = models.Tip.objects.create(pk=1, block=top, index=top.index, version=1)
    models.Tip.objects.filter(pk=1).update(index=top.index)
    tip.index = top.index
    bad = [index for index, _, digest in chain if digest in damaged]
    if not bad:
        return
    if min(bad) == 1:
        raise Damaged(
            "the genesis is damaged: give a file with the chain (--from FILE),"
            " or restore the data folder from a backup",
            index=1,
        )
    sound = models.Block.objects.get(active__index=min(bad) - 1)
    switch = chainstate.force_tip(sound, tip, "repairchain")
    done.cut, done.returned = switch.disconnected, switch.returned


def _longest() -> models.Block:
    """The tip there should be; that of any branch, where nothing sound is left to choose from."""
    sound = marks.longest_without()
    if sound:
        return models.Block.objects.get(pk=sound[0])
    return models.Block.objects.order_by("-index", "pk")[0]


def _ancestry(top: models.Block) -> list[tuple[int, int, str]]:
    """Index, row and hash of a block and all its ancestors, from the top down."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH RECURSIVE path(id, parent_hash, "index", hash) AS (
                SELECT id, parent_hash, "index", hash FROM ledger_block WHERE id = %s
                UNION ALL
                SELECT b.id, b.parent_hash, b."index", b.hash
                FROM path JOIN ledger_block b ON b.hash = path.parent_hash
            )
            SELECT "index", id, hash FROM path ORDER BY "index" DESC
            """,
            [top.pk],
        )
        return [(index, pk, digest) for index, pk, digest in cursor.fetchall()]


def _rebuild_states(done: Repairs) -> None:
    """A transaction is confirmed if, and only if, one active block includes it, which is above its
    floor. Our own are not released."""
    active = models.Inclusion.objects.filter(transaction__isnull=False, block__active__isnull=False)
    seen, low = set[int](), set[int]()
    places = active.order_by("index", "position")
    for pk, transaction, index, floor in places.values_list(
        "pk", "transaction_id", "index", "transaction__floor"
    ):
        if transaction in seen:  # a second entry cannot be the same submission
            models.Inclusion.objects.filter(pk=pk).update(transaction_id=None)
        elif floor >= index:
            models.Transaction.objects.filter(pk=transaction).update(floor=index - 1)
            low.add(transaction)
        seen.add(transaction)
    confirmed = set(
        models.Transaction.objects.filter(state=State.CONFIRMED).values_list("pk", flat=True)
    )
    mempool.set_state(seen - confirmed, State.CONFIRMED)
    mempool.put_back(confirmed - seen)
    ours = set(
        models.Transaction.objects.released().filter(relayed_by="").values_list("pk", flat=True)
    )
    mempool.enter(sorted(ours), State.RETURNED)
    done.transactions = len((seen ^ confirmed) | ours | low)


def _rebuild_totals(done: Repairs) -> None:
    before = _totals()
    models.Address.objects.update(received=0, sent=0, entries=0)
    totals.apply(totals.above(0), 1)
    after = _totals()
    done.addresses = sum(1 for name in after if before.get(name) != after[name])


def _totals() -> dict[str, tuple[int, int, int]]:
    rows = models.Address.objects.values_list("name", "received", "sent", "entries")
    return {name: (received, sent, entries) for name, received, sent, entries in rows}
