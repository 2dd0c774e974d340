"""Storing valid blocks: their text, and the rows that index their contents.

Storing does not make a block active. A chain of a hundred thousand blocks passes through here in
one go: rows go in many to a statement, and the rows of addresses are looked up once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, pairwise, repeat
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from ledger import models, triggers
from ledger.consensus import Block
from ledger.consensus.dialects import REWARD_AMOUNT, REWARD_SENDER
from ledger.consensus.policy import NAME_CHARACTERS, irregularity, name_fault
from ledger.consensus.regular import RegularTransactions

_CHUNK: Final = 500  # names or hashes to one IN (…)
_ROWS: Final = 100  # to one INSERT
_NAMES: Final = 50_000  # of addresses that are remembered
_REWARD: Final = str(REWARD_AMOUNT)

# One transaction in a block: sender, recipient (None where they name no address), amount (None
# where irregular), and why it is irregular.
Content = tuple[str | None, str | None, int | None, str]


def store(
    blocks: Sequence[Block],
    origin: str,
    source: str = "",
    transactions: Sequence[int] = (),
) -> int:
    """Insert the blocks this node does not have yet; answer how many those were.

    The blocks are valid, each one's parent is stored already or stands before it. For a block
    sealed here, `transactions` are the rows of ours that it includes, from its first position on.
    """
    return store_prepared(Prepared(blocks), AddressIds(), origin, source, transactions)


def store_prepared(
    prepared: Prepared,
    addresses: AddressIds,
    origin: str,
    source: str = "",
    transactions: Sequence[int] = (),
) -> int:
    """The same for whoever stores many: what could be done in another thread is done."""
    if not prepared.blocks:
        return 0
    if known := _stored_among(prepared.blocks):
        _heal_damaged(prepared.blocks, known)
        prepared = Prepared([block for block in prepared.blocks if block.hash not in known])
        if not prepared.blocks:
            return 0
    ids = _insert_blocks(prepared, origin, source)
    _insert_inclusions(prepared, ids, addresses, transactions)
    return len(prepared.blocks)


def _heal_damaged(blocks: Sequence[Block], known: set[str]) -> None:
    """Give a block that `repairchain` set aside its text back, now that a good copy came."""
    damaged = set(models.DamagedBlock.objects.values_list("hash", flat=True)) & known
    for block in blocks:
        if block.hash not in damaged:
            continue
        row = models.Block.objects.filter(hash=block.hash).exclude(canonical=block.canonical)
        if row.exists():
            with triggers.lifted(connection):
                row.update(canonical=block.canonical)


def _stored_among(blocks: Sequence[Block]) -> set[str]:
    """The hashes of those that are stored."""
    follow = all(block.previous_hash == last.hash for last, block in pairwise(blocks))
    # Whatever is stored has its parent stored: where each follows the last, the first tells.
    wanted = [block.hash for block in blocks]
    if follow and not models.Block.objects.filter(hash=wanted[0]).exists():
        return set()
    found = set[str]()
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        found.update(models.Block.objects.filter(hash__in=chunk).values_list("hash", flat=True))
    return found


def contents_of(block: Block) -> list[Content]:
    """What the inclusions of a block say, in its order."""
    one = Prepared([block])
    return list(zip(one.senders, one.recipients, one.amounts, one.irregular, strict=True))


class Prepared:
    """Blocks, and what their inclusions say, all of them in order: a list for each column, since so
    many small objects would keep the garbage collector busy. `counts` and `irregular_counts` are by
    block."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = blocks
        self.counts: list[int] = []
        self.irregular_counts: list[int] = []
        self.senders: list[str | None] = []
        self.recipients: list[str | None] = []
        self.amounts: list[int | None] = []
        self.irregular: list[str] = []
        for block in blocks:
            before = len(self.irregular)
            last = len(block.transactions) - 1
            if isinstance(block.transactions, RegularTransactions):
                self._add_regular(block.transactions, last)
            else:
                for at, value in enumerate(block.transactions):
                    self._add(*_content(value, last=at == last))
            added = self.irregular[before:]
            self.counts.append(last + 1)
            self.irregular_counts.append(len(added) - added.count(""))

    def _add(
        self, sender: str | None, recipient: str | None, amount: int | None, irregular: str
    ) -> None:
        self.senders.append(sender)
        self.recipients.append(recipient)
        self.amounts.append(amount)
        self.irregular.append(irregular)

    def _add_regular(self, transactions: RegularTransactions, last: int) -> None:
        """Without decoding what is plainly regular: names without odd characters and whole amounts
        that fit are all there can be."""
        for at, (amount, recipient, sender) in enumerate(transactions.entries()):
            if (
                0 < len(sender) <= NAME_CHARACTERS
                and 0 < len(recipient) <= NAME_CHARACTERS
                and amount[0] != "-"
                and (sender != REWARD_SENDER or (at == last and amount == _REWARD))
            ):
                self._add(sender, recipient, int(amount), "")
            else:
                value = {"sender": sender, "recipient": recipient, "amount": int(amount)}
                self._add(*_content(value, last=at == last))


def _content(value: dict[str, Any], *, last: bool) -> Content:
    fault = irregularity(value, last=last)
    if not fault:
        return value["sender"], value["recipient"], value["amount"], ""
    sender, recipient = value.get("sender"), value.get("recipient")
    return (
        None if name_fault(sender) else sender,
        None if name_fault(recipient) else recipient,
        None,
        fault[:300],
    )


def _insert_blocks(prepared: Prepared, origin: str, source: str) -> Sequence[int]:
    """Insert the rows; answer their ids, in the order of the blocks."""
    newest, _ = _newest()
    blocks, count = prepared.blocks, len(prepared.blocks)
    counts = zip(blocks, prepared.counts, prepared.irregular_counts, strict=True)
    columns = list(zip(*(_columns(*one) for one in counts), strict=True))
    columns.append(tuple(block.canonical for block in blocks))
    columns += ((value,) * count for value in (origin, source[:300], _adapt(timezone.now())))
    _insert(models.Block, f"{_COLUMNS} canonical origin source received_at", columns)
    if _newest() == (newest + count, blocks[-1].hash):
        return range(newest + 1, newest + count + 1)  # ids ascend, so there is no other way
    ids = dict(models.Block.objects.filter(pk__gt=newest).values_list("hash", "pk"))
    return [ids[block.hash] for block in blocks]


def _newest() -> tuple[int, str]:
    """The id and the hash of the block that was stored last."""
    return models.Block.objects.order_by("-pk").values_list("pk", "hash").first() or (0, "")


_COLUMNS: Final = "hash parent_id index size timestamp proof transaction_count irregular_count"


def _columns(block: Block, count: int, irregular_count: int) -> tuple[Any, ...]:
    canonical = block.canonical
    return (
        block.hash,
        None if block.index == 1 else block.previous_hash,
        block.index,
        len(canonical) if canonical.isascii() else len(canonical.encode()),
        _finite(block.timestamp),
        str(block.proof),
        count,
        irregular_count,
    )


def columns_of(block: Block, contents: list[Content]) -> dict[str, Any]:
    """The columns of a block's row that are an index over its text."""
    return dict(zip(_COLUMNS.split(), column_values(block, contents), strict=True))


def column_values(block: Block, contents: list[Content]) -> tuple[Any, ...]:
    """The values of these columns."""
    return _columns(block, len(contents), sum(1 for content in contents if content[3]))


def insert_inclusions(block: Block, pk: int) -> None:
    """Insert the rows for the transactions of a block that is stored as row `pk`."""
    _insert_inclusions(Prepared([block]), [pk], AddressIds(), ())


def _insert_inclusions(
    prepared: Prepared, ids: Sequence[int], addresses: AddressIds, transactions: Sequence[int]
) -> None:
    addresses.find({*prepared.senders, *prepared.recipients})
    counts = prepared.counts
    columns: list[Sequence[Any]] = [
        _repeated(ids, counts),
        list(chain.from_iterable(map(range, counts))),
        _repeated([block.index for block in prepared.blocks], counts),
        list(map(addresses.get, prepared.senders)),
        list(map(addresses.get, prepared.recipients)),
        prepared.amounts,
    ]
    fields = "block position index sender recipient amount irregular transaction"
    if transactions or any(prepared.irregular_counts):
        named = [*transactions, *repeat(None, len(prepared.amounts) - len(transactions))]
        _insert(models.Inclusion, fields, [*columns, prepared.irregular, named])
    else:
        # Nearly always. To hand over what is the same in all rows takes its time.
        _insert(models.Inclusion, fields, columns, "'', NULL")


def _repeated(values: Iterable[int], counts: Iterable[int]) -> list[int]:
    return list(chain.from_iterable(map(repeat, values, counts)))


class AddressIds:
    """The rows of addresses by name, made where there is none yet. What was found is remembered:
    only for as long as every transaction that used it was committed."""

    def __init__(self) -> None:
        self._ids: dict[str | None, int] = {}
        self.get = self._ids.get

    def find(self, names: set[str | None]) -> None:
        """See to it that `get` knows these, or None for None."""
        missing = sorted(name for name in names - self._ids.keys() if name is not None)
        if not missing:
            return
        if len(self._ids) > _NAMES:
            self._ids.clear()
            missing = sorted(name for name in names if name is not None)
        self._look_up(missing)
        new = [name for name in missing if name not in self._ids]
        if new:
            zeros = (["0"] * len(new), ["0"] * len(new), [0] * len(new))
            _insert(models.Address, "name received sent entries", [new, *zeros])
            self._look_up(new)

    def _look_up(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), _CHUNK):
            rows = models.Address.objects.filter(name__in=names[start : start + _CHUNK])
            self._ids.update(rows.values_list("name", "id"))


def _insert(model: Any, fields: str, values: Sequence[Sequence[Any]], constants: str = "") -> None:
    """Insert rows, by their columns. `constants` are, in SQL, the values of the last fields where
    these are the same in all of them; then there are no columns of those."""
    quote = connection.ops.quote_name
    columns = [
        quote(model._meta.get_field(name.removesuffix("_id")).column) for name in fields.split()
    ]
    into = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) VALUES "  # noqa: S608 - names come from the models
    fixed = constants.split(", ") if constants else []
    width, count = len(values), len(values[0])
    marks = f"({', '.join([*['%s'] * width, *fixed])})"
    row_by_row: list[Any] = [None] * (width * count)
    for at, column in enumerate(values):
        row_by_row[at::width] = column
    step = _ROWS * width
    whole = len(row_by_row) // step * step
    with connection.cursor() as cursor:
        if whole:
            portions = [row_by_row[start : start + step] for start in range(0, whole, step)]
            cursor.executemany(into + ", ".join([marks] * _ROWS), portions)
        if rest := row_by_row[whole:]:
            cursor.execute(into + ", ".join([marks] * (len(rest) // width)), rest)


def _adapt(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _finite(timestamp: float | int) -> float | None:
    """The timestamp as a column can hold it; None for NaN, infinities and what overflows."""
    try:
        number = float(timestamp)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
