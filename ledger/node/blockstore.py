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

from ledger import models
from ledger.consensus import Block
from ledger.consensus.policy import irregularity, name_fault

_CHUNK = 500  # names or hashes to one IN (…)


def store(blocks: Sequence[Block], origin: str, source: str = "") -> int:
    """Insert the blocks this node does not have yet; answer how many those were.

    The blocks are valid, each one's parent is stored already or stands before it.
    """
    known = stored_hashes(block.hash for block in blocks)
    new = [block for block in blocks if block.hash not in known]
    if not new:
        return 0
    contents = [contents_of(block) for block in new]
    _insert_blocks(new, contents, origin, source)
    _insert_inclusions(new, contents)
    return len(new)


def stored_hashes(hashes: Iterable[str]) -> set[str]:
    """Which of these hashes name a stored block."""
    wanted, found = list(hashes), set[str]()
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        found.update(
            models.Block.objects.filter(hash__in=chunk).values_list("hash", flat=True)
        )
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
        (
            block.hash,
            None if block.index == 1 else block.previous_hash,
            block.index,
            block.canonical,
            len(block.canonical.encode()),
            _finite(block.timestamp),
            str(block.proof),
            len(content),
            sum(1 for entry in content if entry[3]),
            origin,
            source[:300],
            received,
        )
        for block, content in zip(blocks, contents, strict=True)
    ]
    _insert(
        models.Block,
        "hash parent index canonical size timestamp proof transaction_count irregular_count"
        " origin source received_at",
        rows,
    )


def _insert_inclusions(blocks: Sequence[Block], contents: Sequence[list[Content]]) -> None:
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
        )
        for block, content in zip(blocks, contents, strict=True)
        for position, (sender, recipient, amount, irregular) in enumerate(content)
    ]
    _insert(
        models.Inclusion, "block position index sender recipient amount irregular", rows
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
    columns = [quote(model._meta.get_field(name).column) for name in fields.split()]
    marks = ", ".join(["%s"] * len(columns))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(columns)}) VALUES ({marks})",
            rows,
        )


def _adapt(moment: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(moment)


def _finite(timestamp: float | int) -> float | None:
    """The timestamp as a column can hold it; None for NaN, infinities and what overflows."""
    try:
        number = float(timestamp)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
