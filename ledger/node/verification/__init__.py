"""Checking everything that must hold, from what is on disk (invariants I1 to I9).

One function, used at start, by `manage.py verifychain`, and by the tests after each step. It reads
all of the chain in one moment, as a stream, and trusts no column: blocks are hashed and judged from
their texts, and every other table is compared with what the texts say.

`blocks` is the rule, one block at a time; `sight` tells quickly of most blocks that it would find
nothing. `chain` goes along the active chain with both, `tables` has the rest. `texts` is for who
wants to know of the chain alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from django.db import DatabaseError

from ..identity import Identity, load
from . import tables
from .beside import Helper, alone, beside, in_this_thread
from .blocks import check_stale_blocks
from .chain import Progress, check_active_blocks
from .report import RESTORE, Fault, Report
from .rows import rows, text_of_any_bytes
from .texts import check_texts

__all__ = ["Fault", "Report", "text_of_any_bytes", "verify_at_once", "verify_here", "verify_texts"]

_MANY: Final = 5000  # blocks that are worth threads of their own

Check = Callable[[Report], None]


def verify_at_once(progress: Progress | None = None, *, last: int | None = None) -> Report:
    """Check every invariant, or of the `last` active blocks what can be told without the others:
    their texts, links, proofs and rows, the tip and the marks. All that is read is of one moment.

    Call it outside of transactions. `progress` is called now and then with the blocks done and the
    blocks there are.
    """
    try:
        with beside() if _is_long(last) else alone() as helpers:
            return _verify(progress, last, *helpers)
    except DatabaseError as error:  # not even a moment could be had, or ended
        return _unreadable(error)


def verify_texts(progress: Progress | None = None) -> Report:
    """Check the active chain by itself: texts, hashes, links and proofs, and that they end with the
    tip. All that is read is of one moment; call it outside of transactions."""
    report = Report()
    try:
        with beside() if _is_long(None) else alone() as helpers, text_of_any_bytes():
            identity = load()
            if identity is None:
                report.note("I9", "the node has no identity", RESTORE)
                return report
            network, helper = identity.network, helpers.reading
            chain = partial(check_texts, network=network, progress=progress, helper=helper)
            for check in (tables.check_tip, chain):
                report.take(_found(check))
    except DatabaseError as error:
        return _unreadable(error)
    return report


def verify_here() -> Report:
    """Check every invariant in the transaction under way, as it would be if it were committed."""
    return _verify(None, None, in_this_thread, in_this_thread)


def _is_long(last: int | None) -> bool:
    if last is not None and last < _MANY:
        return False
    return bool(list(rows('SELECT 1 FROM ledger_activeblock WHERE "index" = %s', _MANY)))


def _verify(
    progress: Progress | None, last: int | None, reading: Helper, checking: Helper
) -> Report:
    report = Report()
    with text_of_any_bytes():
        try:
            identity = load()
        except DatabaseError as error:
            return _unreadable(error)
        if identity is None:
            report.note("I9", "the node has no identity", RESTORE)
            return report
        here, there = _checks(identity, progress, last, reading)
        waiting = [checking(partial(_found, check)) for check in there]
        found = [_found(check) for check in here]
    # In the order in which people read them: the file, the chain, what stands beside it.
    storage, *beside_it = [each() for each in waiting] or [Report()]
    for each in (storage, *found, *beside_it):
        report.take(each)
    return report


def _checks(
    identity: Identity, progress: Progress | None, last: int | None, reading: Helper
) -> tuple[list[Check], list[Check]]:
    """What is checked in this thread, and what may be in another; the storage is first there."""
    active = partial(
        check_active_blocks, identity=identity, progress=progress, last=last, helper=reading
    )
    here: list[Check] = [tables.check_tip, active, tables.check_marks, tables.check_history]
    if last is not None:
        return here, []
    stale = partial(check_stale_blocks, network=identity.network)
    return here, [tables.check_storage, stale, tables.check_transactions, tables.check_totals]


def _found(check: Check) -> Report:
    report = Report()
    try:
        with text_of_any_bytes():
            check(report)
    except DatabaseError as error:  # what can still be read is still checked
        report.note("I6", f"the database cannot be read: {error}", RESTORE)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        report.note("I6", f"the database holds what nobody writes there: {error}", RESTORE)
    return report


def _unreadable(error: DatabaseError) -> Report:
    """The report on a database of which nothing can be read."""
    report = Report()
    report.note("I6", f"the database cannot be read: {error}", RESTORE)
    return report
