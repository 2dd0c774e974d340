"""Damage, done past the triggers, and how it is looked for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection

from ledger import triggers
from ledger.node import lifecycle
from ledger.node.errors import Damaged
from ledger.node.verification import Fault

REPAIRCHAIN = "manage.py repairchain"
MIGRATE = "manage.py migrate"
BACKUP = "from a backup"

# Foreign keys do not hold meanwhile; nor does what a column may be, where that can be turned off.
_SWITCHES = {
    "sqlite": (
        ("PRAGMA foreign_keys = OFF", "PRAGMA ignore_check_constraints = ON"),
        ("PRAGMA ignore_check_constraints = OFF", "PRAGMA foreign_keys = ON"),
    ),
    "postgresql": (
        ("SET session_replication_role = replica",),
        ("RESET session_replication_role",),
    ),
}
ACTIVE = 'id = (SELECT block_id FROM ledger_activeblock WHERE "index" = {})'


def damage(statement: str, *parameters: Any) -> None:
    """What a shell, a script or a mistake could do, had it taken the triggers off."""
    before, after = _SWITCHES[connection.vendor]
    with connection.cursor() as cursor:
        for switch in before:
            cursor.execute(switch)
        with triggers.lifted(connection):
            cursor.execute(statement, parameters)
            assert cursor.rowcount != 0, "nothing was damaged"
        for switch in after:
            cursor.execute(switch)


def the_faults() -> list[Fault]:
    return lifecycle.verify().faults


def assert_found(invariant: str, index: int | None, words: str, repair: str) -> None:
    """One of the faults is this one, and starting is refused for it."""
    faults = the_faults()
    assert any(
        fault.invariant == invariant
        and fault.index == index
        and re.search(words, fault.what)
        and repair in fault.repair
        for fault in faults
    ), [str(fault) for fault in faults]
    with pytest.raises(Damaged, match=re.escape(repair)):
        lifecycle.verify_or_refuse()
