"""Storing valid blocks: their text, and the rows that index their contents.

Storing does not make a block active. Rows go in by `executemany`: a chain of a hundred thousand
blocks passes through here in one go.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils import timezone

from ledger import models, triggers
from ledger.consensus import Block
from ledger.consensus.policy import irregularity, name_fault

_CHUNK = 500  # names or hashes to one IN (…)


def store(
    blocks: Sequence[Block], origin: str, source: str = "", transactions: Sequence[int] = ()
) -> int:
    """Insert the blocks this node does not have yet; answer how many those were.

    The blocks are valid, each one's parent is stored already or stands before it. For a block
    sealed here, `transactions` are the rows of ours that it includes, from its first position on.
    """
    known = stored_hashes(block.hash for block in blocks)
    if known:
        _heal_damaged(blocks, known)
    new = [block for block in blocks if block.hash not in known]
    if not new:
        return 0
    contents = [contents_of(block) for block in new]
    _insert_blocks(new, contents, origin, source)
    insert_inclusions(new, contents, transactions)
    return len(new)


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


def stored_hashes(hashes: Iterable[str]) -> set[str]:
    """Which of these hashes name a stored block."""
    wanted, found = list(hashes), set[str]()
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        found.update(models.Block.objects.filter(hash__in=chunk).values_list("hash", flat=True))
    return found


# One transaction in a block: sender, recipient (None where they name no address), amount (None
# where irregular), and why it is irregular.
Content = tuple[str | None, str | None, int | None, str]


def contents_of(block: Block) -> list[Content]:
    """What the inclusions of a block say, in its order."""
    last = len(block.transactions) - 1
    return [_content(value, last=at == last) for at, value in enumerate(block.transactions)]


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


def _insert_blocks(
    blocks: Sequence[Block], contents: Sequence[list[Content]], origin: str, source: str
) -> None:
    received = _adapt(timezone.now())
    rows = [
        (*columns_of(block, content).values(), block.canonical, origin, source[:300], received)
        for block, content in zip(blocks, contents, strict=True)
    ]
    names = " ".join(columns_of(blocks[0], contents[0]))
    _insert(models.Block, f"{names} canonical origin source received_at", rows)


def columns_of(block: Block, contents: list[Content]) -> dict[str, Any]:
    """The columns of a block's row that are an index over its text."""
    return {
        "hash": block.hash,
        "parent_id": None if block.index == 1 else block.previous_hash,
        "index": block.index,
        "size": len(block.canonical.encode()),
        "timestamp": _finite(block.timestamp),
        "proof": str(block.proof),
        "transaction_count": len(contents),
        "irregular_count": sum(1 for content in contents if content[3]),
    }


def insert_inclusions(
    blocks: Sequence[Block],
    contents: Sequence[list[Content]],
    transactions: Sequence[int] = (),
) -> None:
    """Insert the rows for the transactions of stored blocks. `transactions` as in `store`."""
    names = {name for content in contents for entry in content for name in entry[:2] if name}
    addresses = address_ids(names)
    block_ids = _block_ids([block.hash for block in blocks])
    rows = [
        (
            block_ids[block.hash],
            position,
            block.index,
            addresses.get(sender) if sender else None,
            addresses.get(recipient) if recipient else None,
            amount,
            irregular,
            transactions[position] if position < len(transactions) else None,
        )
        for block, content in zip(blocks, contents, strict=True)
        for position, (sender, recipient, amount, irregular) in enumerate(content)
    ]
    _insert(
        models.Inclusion,
        "block position index sender recipient amount irregular transaction",
        rows,
    )


def address_ids(names: set[str]) -> dict[str, int]:
    """The row of each address, made where there is none yet."""
    ids = _find_addresses(names)
    missing = sorted(names - ids.keys())
    if missing:
        _insert(models.Address, "name received sent entries", [(n, "0", "0", 0) for n in missing])
        ids |= _find_addresses(set(missing))
    return ids


def _find_addresses(names: set[str]) -> dict[str, int]:
    wanted, ids = sorted(names), dict[str, int]()
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        ids.update(models.Address.objects.filter(name__in=chunk).values_list("name", "id"))
    return ids


def _block_ids(hashes: Sequence[str]) -> dict[str, int]:
    ids = dict[str, int]()
    for start in range(0, len(hashes), _CHUNK):
        chunk = hashes[start : start + _CHUNK]
        ids.update(models.Block.objects.filter(hash__in=chunk).values_list("hash", "id"))
    return ids


def _insert(model: Any, fields: str, rows: list[tuple[Any, ...]]) -> None:
    if not rows:
        return
    quote = connection.ops.quote_name
    columns = [
        quote(model._meta.get_field(name.removesuffix("_id")).column) for name in fields.split()
    ]
    marks = ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names come from the models
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def _adapt(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _finite(timestamp: float | int) -> float | None:
    """The timestamp as a column can hold it; None for NaN, infinities and what overflows."""
    try:
        number = float(timestamp)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
