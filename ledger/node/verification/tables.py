"""What must hold of the tables beside the blocks: tip, marks, history, transactions, totals."""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.db import connection

from ledger import triggers

from .. import totals
from . import sums
from .report import REPAIR_INDEX, REPAIR_MARK, RESTORE, Report
from .rows import rows


def check_storage(report: Report) -> None:
    """The file is sound, and the triggers that keep history are there (I6)."""
    if connection.vendor == "sqlite":
        for (line,) in rows("PRAGMA quick_check(5)"):
            if line != "ok":
                report.note("I6", f"the database file is damaged: {line}", RESTORE)
    missing = triggers.names() - triggers.installed(connection)
    if missing:
        report.note(
            "I6", f"triggers are missing: {', '.join(sorted(missing))}", "run `manage.py migrate`"
        )


def check_tip(report: Report) -> None:
    """The active indexes are 1 to the tip's, and the tip is the last of them (I1)."""
    tips = list(rows('SELECT "index", block_id, version FROM ledger_tip'))
    if len(tips) != 1:
        report.note("I1", f"there are {len(tips)} tips", REPAIR_INDEX)
        return
    index, block, version = tips[0]
    ((count, lowest, highest),) = rows(
        'SELECT COUNT(*), MIN("index"), MAX("index") FROM ledger_activeblock'
    )
    if (count, lowest, highest) != (index, 1, index):
        report.note(
            "I1",
            f"the active chain has {count} rows from {lowest} to {highest}, the tip is {index}",
            REPAIR_INDEX,
        )
    last = list(rows('SELECT block_id FROM ledger_activeblock WHERE "index" = %s', index))
    if last != [(block,)]:
        report.note("I1", "the tip is not the last active block", REPAIR_INDEX, index)
    if version < 1:
        report.note("I7", f"the tip's version is {version}", REPAIR_INDEX)


def check_marks(report: Report) -> None:
    """No active block is marked invalid. With the links, so is none of its ancestors."""
    query = """
        SELECT a."index" FROM ledger_invalidblock m
        JOIN ledger_activeblock a ON a.block_id = m.block_id ORDER BY a."index"
    """
    for (index,) in rows(query):
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


def check_history(report: Report) -> None:
    """The chain was left for a longer one, each time, unless a person wanted otherwise (I7)."""
    for (pk,) in rows(_UNEXPLAINED, *_SHORTER, *_AS_LONG):
        report.note("I7", f"reorganisation {pk} did not make the chain longer", RESTORE)


def check_transactions(report: Report) -> None:
    """Each transaction waits, is confirmed once, was released, or refused with a reason (I4)."""
    query = """
        SELECT t.uid, t.state, COUNT(a."index"), MIN(a."index")
        FROM ledger_transaction t
        LEFT JOIN ledger_inclusion i ON i.transaction_id = t.id
        LEFT JOIN ledger_activeblock a ON a.block_id = i.block_id
        GROUP BY t.id, t.uid, t.state
        HAVING COUNT(a."index") <> CASE WHEN t.state = 'confirmed' THEN 1 ELSE 0 END
    """
    for uid, state, count, index in rows(query):
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
    for index, uid in rows(query):
        what = f"transaction {_shown(uid)} is not what its inclusion says"
        report.note("I4", what, REPAIR_INDEX, index)
    query = """
        SELECT i."index", t.uid FROM ledger_inclusion i
        JOIN ledger_transaction t ON t.id = i.transaction_id
        JOIN ledger_activeblock a ON a.block_id = i.block_id WHERE i."index" <= t.floor
    """
    for index, uid in rows(query):
        what = f"transaction {_shown(uid)} came later than the block that includes it"
        report.note("I4", what, REPAIR_INDEX, index)
    for (uid,) in rows(
        "SELECT uid FROM ledger_transaction WHERE state='released' AND relayed_by=''"
    ):
        report.note("I4", f"transaction {_shown(uid)} is released and our own", REPAIR_INDEX)


def _shown(uid: Any) -> str:
    """The name the world knows; SQLite keeps it without dashes."""
    try:
        return str(uuid.UUID(str(uid)))
    except ValueError:
        return ascii(uid)


def check_totals(report: Report) -> None:
    """Addresses' running totals are the sums over the active chain."""
    if sums.are_plainly_right():
        return
    stored = rows("SELECT id, name, received, sent, entries FROM ledger_address ORDER BY id")
    each = totals.above(0)
    due = next(each, None)
    for pk, name, received, sent, entries in stored:
        expected = ("0", "0", 0)
        if due is not None and due.address_id == pk:
            expected = (str(due.received), str(due.sent), due.entries)
            due = next(each, None)
        if (received, sent, entries) != expected:
            report.note("I4", f"the totals of {name[:60]!a} are wrong", REPAIR_INDEX)
