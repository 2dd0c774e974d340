"""Checking everything that must hold, from what is on disk (invariants I1 to I9).

One function, used at start, by `manage.py verifychain`, and by the tests after each step. It reads
all of the chain in one moment, as a stream, and trusts no column: blocks are parsed, hashed and
judged from their texts, and every other table is compared with what the texts say.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from django.db import DatabaseError, connection

from ledger import triggers
from ledger.consensus import Block, Network, Place, Refused, check_genesis, check_successor, hash_of
from ledger.consensus.chain_reader import read_text
from ledger.consensus.dialects import REWARD_SENDER

from . import blockstore, totals
from .identity import Identity, load
from .reading import one_moment

_CHUNK: Final = 500
_FAULTS: Final = 20  # enough to act on; a broken chain may have one a block

REPAIR_BLOCK: Final = (
    "`manage.py repairchain --from FILE` takes a good copy from an exported chain; without FILE it"
    " sets the block aside and cuts the chain before it, and `manage.py resolve` or"
    " `manage.py importchain FILE` brings the rest back"
)
REPAIR_INDEX: Final = "`manage.py repairchain` builds the tables anew from the blocks' texts"
REPAIR_MARK: Final = (
    "`manage.py reconsiderblock HASH` lifts the mark, `manage.py invalidateblock HASH` then leaves"
    " the block"
)
RESTORE: Final = "restore the data folder from a backup"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not hold. `invariant` is its name (I1 …), `index` the block's."""

    invariant: str
    what: str
    repair: str
    index: int | None = None

    def __str__(self) -> str:
        where = f"block {self.index}: " if self.index is not None else ""
        return f"{self.invariant}: {where}{self.what}. To repair: {self.repair}"


@dataclass(slots=True)
class Report:
    """What was checked, and what was found. `supply` counts the regular rewards."""

    blocks: int = 0
    stale: int = 0
    transactions: int = 0
    supply: int = 0
    irregular: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.faults

    def note(self, invariant: str, what: str, repair: str, index: int | None = None) -> None:
        fault = Fault(invariant, what, repair, index)
        if len(self.faults) < _FAULTS and fault not in self.faults:
            self.faults.append(fault)


def verify(
    progress: Callable[[int, int], None] | None = None, *, last: int | None = None
) -> Report:
    """Check every invariant, or of the `last` active blocks what can be told without the others:
    their texts, links, proofs and rows, the tip and the marks.

    Call it outside of transactions, inside `reading.one_moment`. `progress` is called now and then
    with the blocks done and the blocks there are.
    """
    report = Report()
    with text_of_any_bytes():
        try:
            identity = load()
        except DatabaseError as error:
            return unreadable(error)
        if identity is None:
            report.note("I9", "the node has no identity", RESTORE)
            return report
        active = partial(_check_active_blocks, identity=identity, progress=progress, last=last)
        checks: list[Callable[[Report], None]] = [_check_tip, active, _check_marks, _check_history]
        if last is None:
            stale = partial(_check_stale_blocks, network=identity.network)
            checks = [_check_storage, *checks, stale, _check_transactions, _check_totals]
        for check in checks:
            try:
                check(report)
            except DatabaseError as error:  # what can still be read is still checked
                report.note("I6", f"the database cannot be read: {error}", RESTORE)
    return report


def verify_at_once(
    progress: Callable[[int, int], None] | None = None, *, last: int | None = None
) -> Report:
    """The same, and see to it that all that is read is of one moment."""
    try:
        with one_moment(connection, long=True):
            return verify(progress, last=last)
    except DatabaseError as error:  # not even a moment could be had, or ended
        return unreadable(error)


def unreadable(error: DatabaseError) -> Report:
    """The report on a database of which nothing can be read."""
    report = Report()
    report.note("I6", f"the database cannot be read: {error}", RESTORE)
    return report


@contextmanager
def text_of_any_bytes() -> Iterator[None]:
    """Read bytes that are not UTF-8 as something: no hash takes it for the right text."""
    if connection.vendor != "sqlite":
        yield
        return
    connection.ensure_connection()
    own = connection.connection
    own.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        yield
    finally:
        own.text_factory = str


def _rows(query: str, *parameters: Any) -> Iterator[tuple[Any, ...]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        while rows := cursor.fetchmany(_CHUNK):
            yield from rows


def _check_storage(report: Report) -> None:
    """The file is sound, and the triggers that keep history are there (I6)."""
    if connection.vendor == "sqlite":
        for (line,) in _rows("PRAGMA quick_check(5)"):
            if line != "ok":
                report.note("I6", f"the database file is damaged: {line}", RESTORE)
    missing = triggers.names() - triggers.installed(connection)
    if missing:
        report.note(
            "I6", f"triggers are missing: {', '.join(sorted(missing))}", "run `manage.py migrate`"
        )


def _check_tip(report: Report) -> None:
    """The active indexes are 1 to the tip's, and the tip is the last of them (I1)."""
    tips = list(_rows('SELECT "index", block_id, version FROM ledger_tip'))
    if len(tips) != 1:
        report.note("I1", f"there are {len(tips)} tips", REPAIR_INDEX)
        return
    index, block, version = tips[0]
    ((count, lowest, highest),) = _rows(
        'SELECT COUNT(*), MIN("index"), MAX("index") FROM ledger_activeblock'
    )
    if (count, lowest, highest) != (index, 1, index):
        report.note(
            "I1",
            f"the active chain has {count} rows from {lowest} to {highest}, the tip is {index}",
            REPAIR_INDEX,
        )
    last = list(_rows('SELECT block_id FROM ledger_activeblock WHERE "index" = %s', index))
    if last != [(block,)]:
        report.note("I1", "the tip is not the last active block", REPAIR_INDEX, index)
    if version < 1:
        report.note("I7", f"the tip's version is {version}", REPAIR_INDEX)


# As `blockstore.columns_of` has them.
_COLUMNS: Final = """
    b.hash, b.parent_hash, b."index", b.size, b.timestamp, b.proof, b.transaction_count,
    b.irregular_count
"""
_ACTIVE: Final = f"""
    SELECT a."index", b.canonical, b.origin, {_COLUMNS}
    FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id
    WHERE a."index" > %s ORDER BY a."index"
"""  # noqa: S608 - put together from constants, as the next ones
_PLACE: Final = """
    SELECT a."index", b.proof, b.hash
    FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id WHERE a."index" = %s
"""
_STALE: Final = f"""
    SELECT b.id, b.canonical, p."index", p.proof, {_COLUMNS}
    FROM ledger_block b LEFT JOIN ledger_block p ON p.hash = b.parent_hash
    WHERE NOT EXISTS (SELECT 1 FROM ledger_activeblock a WHERE a.block_id = b.id) ORDER BY b.id
"""  # noqa: S608
_ENTRIES: Final = """
    SELECT {key}, i.position, s.name, r.name, i.amount, i.irregular, i."index"
    FROM ledger_inclusion i LEFT JOIN ledger_activeblock a ON a.block_id = i.block_id
    LEFT JOIN ledger_address s ON s.id = i.sender_id
    LEFT JOIN ledger_address r ON r.id = i.recipient_id
    WHERE {which} ORDER BY {key}, i.position
"""


def _check_active_blocks(
    report: Report,
    identity: Identity,
    progress: Callable[[int, int], None] | None,
    last: int | None,
) -> None:
    """Bytes hash to the stored hash, links and proofs hold (I2, I3), rewards are right (I5)."""
    ((total,),) = _rows("SELECT COUNT(*) FROM ledger_activeblock")
    below = 0 if last is None else max(0, total - last)
    total -= below
    parent: Place | None = None
    for index, proof, digest in _rows(_PLACE, below):
        parent = Place(index, int(proof), digest) if proof.isdigit() else None
    entries = _Entries(key='a."index"', which=f'a."index" > {below}')
    for active, canonical, origin, *columns in _rows(_ACTIVE, below):
        report.blocks += 1
        if progress and report.blocks % 1000 == 0:
            progress(report.blocks, total)
        block = _read(report, identity.network, active, columns[0], canonical)
        if block is None:
            parent = None
            continue
        try:
            if active == 1:
                check_genesis(block, identity.network)
            elif parent is not None:
                check_successor(parent, block, identity.network)
        except Refused as refused:
            report.note("I3", refused.detail, REPAIR_BLOCK, active)
        parent = Place.of(block)
        contents = _check_rows(report, block, columns, entries.of(active))
        report.transactions += len(contents)
        report.irregular += sum(1 for content in contents if content[3])
        _check_reward(report, identity, block, contents, origin)
    if progress:
        progress(report.blocks, total)


def _check_stale_blocks(report: Report, network: Network) -> None:
    """Side branches keep their texts too, and each has its parent (I2, I3)."""
    aside = {digest for (digest,) in _rows("SELECT hash FROM ledger_damagedblock")}
    entries = _Entries(key="i.block_id", which="a.block_id IS NULL")
    for pk, canonical, parent_index, parent_proof, *columns in _rows(_STALE):
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


class _Entries:
    """The inclusions of some blocks, read beside the blocks, in the same order."""

    def __init__(self, *, key: str, which: str) -> None:
        rows = _rows(_ENTRIES.format(key=key, which=which))
        self._groups = groupby(rows, key=itemgetter(0))
        self._next = next(self._groups, None)

    def of(self, key: int) -> list[tuple[Any, ...]]:
        """Those of one block, without the key they are sorted by; ask in ascending order."""
        while self._next is not None and self._next[0] < key:
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] > key:
            return []
        return [row[1:] for row in self._next[1]]


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


def _check_marks(report: Report) -> None:
    """No active block is marked invalid. With the links, so is none of its ancestors."""
    query = """
        SELECT a."index" FROM ledger_invalidblock m
        JOIN ledger_activeblock a ON a.block_id = m.block_id ORDER BY a."index"
    """
    for (index,) in _rows(query):
        report.note("I7", "it is active and marked invalid", REPAIR_MARK, index)


# Who may leave a chain for one that is shorter, and for one as long: repairs and the operator.
_SHORTER: Final = ("repairchain", "invalidateblock")
_AS_LONG: Final = (*_SHORTER, "reconsiderblock", "preciousblock")
_UNEXPLAINED: Final = f"""
    SELECT id FROM ledger_reorganisation
    WHERE connected < disconnected AND source NOT IN ({", ".join(["%s"] * len(_SHORTER))})
       OR connected = disconnected AND source NOT IN ({", ".join(["%s"] * len(_AS_LONG))})
    ORDER BY id
"""  # noqa: S608 - marks for values


def _check_history(report: Report) -> None:
    """The chain was left for a longer one, each time, unless a person wanted otherwise (I7)."""
    for (pk,) in _rows(_UNEXPLAINED, *_SHORTER, *_AS_LONG):
        report.note("I7", f"reorganisation {pk} did not make the chain longer", RESTORE)


def _check_transactions(report: Report) -> None:
    """Each transaction waits, is confirmed once, was released, or refused with a reason (I4)."""
    query = """
        SELECT t.uid, t.state, COUNT(a."index"), MIN(a."index")
        FROM ledger_transaction t
        LEFT JOIN ledger_inclusion i ON i.transaction_id = t.id
        LEFT JOIN ledger_activeblock a ON a.block_id = i.block_id
        GROUP BY t.id, t.uid, t.state
        HAVING COUNT(a."index") <> CASE WHEN t.state = 'confirmed' THEN 1 ELSE 0 END
    """
    for uid, state, count, index in _rows(query):
        what = f"transaction {_shown(uid)} is {state} and included {count} times"
        report.note("I4", what, REPAIR_INDEX, index)
    query = """
        SELECT i."index", t.uid FROM ledger_inclusion i
        JOIN ledger_transaction t ON t.id = i.transaction_id
        LEFT JOIN ledger_address s ON s.id = i.sender_id
        LEFT JOIN ledger_address r ON r.id = i.recipient_id
        WHERE s.name IS NULL OR r.name IS NULL OR s.name <> t.sender OR r.name <> t.recipient
           OR i.amount IS NULL OR i.amount <> t.amount
    """
    for index, uid in _rows(query):
        what = f"transaction {_shown(uid)} is not what its inclusion says"
        report.note("I4", what, REPAIR_INDEX, index)
    query = """
        SELECT i."index", t.uid FROM ledger_inclusion i
        JOIN ledger_transaction t ON t.id = i.transaction_id
        JOIN ledger_activeblock a ON a.block_id = i.block_id WHERE i."index" <= t.floor
    """
    for index, uid in _rows(query):
        what = f"transaction {_shown(uid)} came later than the block that includes it"
        report.note("I4", what, REPAIR_INDEX, index)
    for (uid,) in _rows(
        "SELECT uid FROM ledger_transaction WHERE state='released' AND relayed_by=''"
    ):
        report.note("I4", f"transaction {_shown(uid)} is released and our own", REPAIR_INDEX)


def _shown(uid: Any) -> str:
    """The name the world knows; SQLite keeps it without dashes."""
    try:
        return str(uuid.UUID(str(uid)))
    except ValueError:
        return ascii(uid)


def _check_totals(report: Report) -> None:
    """Addresses' running totals are the sums over the active chain."""
    stored = _rows("SELECT id, name, received, sent, entries FROM ledger_address ORDER BY id")
    sums = totals.above(0)
    due = next(sums, None)
    for pk, name, received, sent, entries in stored:
        expected = ("0", "0", 0)
        if due is not None and due.address_id == pk:
            expected = (str(due.received), str(due.sent), due.entries)
            due = next(sums, None)
        if (received, sent, entries) != expected:
            report.note("I4", f"the totals of {name[:60]!a} are wrong", REPAIR_INDEX)
