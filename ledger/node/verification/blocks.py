"""Blocks looked at one by one: parsed, hashed and judged from their texts, and their columns and
inclusions compared with what the texts say."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from ledger.consensus import Block, Network, Place, Refused, check_genesis, check_successor, hash_of
from ledger.consensus.chain_reader import read_text
from ledger.consensus.dialects import REWARD_SENDER

from .. import blockstore
from ..identity import Identity
from .report import REPAIR_BLOCK, REPAIR_INDEX, RESTORE, Report
from .rows import rows

# As `blockstore.columns_of` has them.
COLUMNS: Final = """
    b.hash, b.parent_hash, b."index", b.size, b.timestamp, b.proof, b.transaction_count,
    b.irregular_count
"""
# By an index alone, without the texts.
_STALE_IDS: Final = """
    SELECT o.id FROM ledger_block o
    WHERE NOT EXISTS (SELECT 1 FROM ledger_activeblock a WHERE a.block_id = o.id)
"""
_STALE: Final = f"""
    SELECT b.id, b.canonical, p."index", p.proof, {COLUMNS}
    FROM ledger_block b LEFT JOIN ledger_block p ON p.hash = b.parent_hash
    WHERE b.id IN ({_STALE_IDS}) ORDER BY b.id
"""  # noqa: S608 - put together from constants, as the next ones
_ENTRY: Final = 'i.position, s.name, r.name, i.amount, i.irregular, i."index"'
_NAMES: Final = """
    LEFT JOIN ledger_address s ON s.id = i.sender_id
    LEFT JOIN ledger_address r ON r.id = i.recipient_id
"""
_ACTIVE_ENTRIES: Final = f"""
    SELECT a."index", {_ENTRY}
    FROM ledger_activeblock a JOIN ledger_inclusion i ON i.block_id = a.block_id {_NAMES}
    WHERE a."index" >= %s AND a."index" <= %s ORDER BY a."index", i.position
"""  # noqa: S608
_STALE_ENTRIES: Final = f"""
    SELECT b.id, {_ENTRY}
    FROM ledger_block b JOIN ledger_inclusion i ON i.block_id = b.id {_NAMES}
    WHERE b.id IN ({_STALE_IDS}) ORDER BY b.id, i.position
"""  # noqa: S608


class Entries:
    """The inclusions of some blocks, read beside the blocks, in the same order."""

    def __init__(self, found: Iterable[tuple[Any, ...]]) -> None:
        self._groups = groupby(found, key=itemgetter(0))
        self._next = next(self._groups, None)

    @classmethod
    def of_active(cls, first: int, last: int) -> Entries:
        return cls(rows(_ACTIVE_ENTRIES, first, last))

    def of(self, key: int) -> list[tuple[Any, ...]]:
        """Those of one block, without the key they are sorted by; ask in ascending order."""
        while self._next is not None and self._next[0] < key:
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] > key:
            return []
        return [row[1:] for row in self._next[1]]


def check_active_block(
    report: Report,
    identity: Identity,
    parent: Place | None,
    row: tuple[Any, ...],
    entries: Entries,
) -> Place | None:
    """Bytes hash to the stored hash, links and proofs hold (I2, I3), rewards are right (I5).

    `row` has the active index, the text, the origin, and the columns. Answer where the successor
    will stand; None where this block cannot be read.
    """
    active, canonical, origin, *columns = row
    block = check_text(report, identity.network, parent, active, columns[0], canonical)
    if block is None:
        return None
    contents = _check_rows(report, block, columns, entries.of(active))
    report.transactions += len(contents)
    report.irregular += sum(1 for content in contents if content[3])
    _check_reward(report, identity, block, contents, origin)
    return Place.of(block)


def check_text(
    report: Report,
    network: Network,
    parent: Place | None,
    active: int,
    digest: str,
    canonical: str,
) -> Block | None:
    """The text stands for a block and hashes to the stored hash (I2), and that follows `parent`, if
    it could be read (I3). Answer the block; None where this one cannot be read."""
    block = _read(report, network, active, digest, canonical)
    if block is None:
        return None
    try:
        if active == 1:
            check_genesis(block, network)
        elif parent is not None:
            check_successor(parent, block, network)
    except Refused as refused:
        report.note("I3", refused.detail, REPAIR_BLOCK, active)
    return block


def check_all_are_stored(report: Report, total: int) -> None:
    """Every active block was there to be looked at (I1)."""
    if report.blocks < total:
        report.note("I1", f"{total - report.blocks} active blocks are not stored", REPAIR_INDEX)


def check_stale_blocks(report: Report, network: Network) -> None:
    """Side branches keep their texts too, and each has its parent (I2, I3)."""
    aside = {digest for (digest,) in rows("SELECT hash FROM ledger_damagedblock")}
    entries = Entries(rows(_STALE_ENTRIES))
    for pk, canonical, parent_index, parent_proof, *columns in rows(_STALE):
        report.stale += 1
        digest, parent_hash, index = columns[:3]
        if digest in aside and hash_of(canonical) != digest:
            continue  # known, kept as evidence, and replaced when a good copy comes
        block = _read(report, network, index, digest, canonical)
        if block is None:
            continue
        try:
            if parent_hash is None:
                check_genesis(block, network)
            elif parent_index is None:
                report.note("I3", "its parent is not stored", REPAIR_BLOCK, block.index)
            elif parent_proof.isdigit():  # else the parent itself is reported
                place = Place(parent_index, int(parent_proof), parent_hash)
                check_successor(place, block, network)
        except Refused as refused:
            report.note("I3", refused.detail, REPAIR_BLOCK, block.index)
        _check_rows(report, block, columns, entries.of(pk))


def _read(
    report: Report, network: Network, index: int, digest: str, canonical: str
) -> Block | None:
    """The block a stored text stands for; None, and a fault, if it is not what was hashed (I2)."""
    block, fault = None, ""
    try:
        block = read_text(canonical.encode(errors="surrogatepass"), network)
        if block.canonical != canonical:
            fault = "its text is not canonical"
    except Refused as refused:
        fault = refused.detail
    if block is None or block.canonical != canonical or block.hash != digest:
        if hash_of(canonical) != digest:
            fault = f"its text does not have the hash {digest}"
        report.note("I2", fault, REPAIR_BLOCK, index)
        return None
    return block


def _check_rows(
    report: Report, block: Block, columns: list[Any], entries: list[tuple[Any, ...]]
) -> list[blockstore.Content]:
    """The block's columns and inclusions say what its text says (I2); answer what that is."""
    contents = blockstore.contents_of(block)
    if tuple(columns) != blockstore.column_values(block, contents):
        report.note("I2", "its columns differ from its text", REPAIR_INDEX, block.index)
    if entries != [(at, *content, block.index) for at, content in enumerate(contents)]:
        report.note("I2", "its inclusions differ from its text", REPAIR_INDEX, block.index)
    return contents


def _check_reward(
    report: Report,
    identity: Identity,
    block: Block,
    contents: list[blockstore.Content],
    origin: str,
) -> None:
    """A block sealed here pays one reward, last, to us (I5); elsewhere rewards are only counted."""
    if contents and contents[-1][0] == REWARD_SENDER and not contents[-1][3]:
        report.supply += 1
    if origin == "mined":
        rewards = [value for value in block.transactions if value.get("sender") == REWARD_SENDER]
        if rewards != [identity.network.reward(identity.identifier)] or (
            block.transactions[-1] != rewards[0]
        ):
            report.note(
                "I5", "a block sealed here does not pay its one reward", RESTORE, block.index
            )
