"""Verification of what is not a block: totals, tip, triggers, transactions, and the file itself."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection

from ledger import models, triggers
from ledger.node import lifecycle, repair
from ledger.node.errors import Damaged

from .damage import ACTIVE, BACKUP, MIGRATE, REPAIRCHAIN, assert_found, damage, the_faults


@pytest.mark.parametrize(
    "change",
    ["received = '1'", "sent = '99999999999999999999'", "entries = entries + 1", "sent = 'much'"],
)
def test_wrong_totals_are_found_and_name_the_address(chain_with_a_past: Path, change: str) -> None:
    damage(f"UPDATE ledger_address SET {change} WHERE name = 'somebody'")
    assert_found("I4", None, "totals of 'somebody'", REPAIRCHAIN)


@pytest.mark.parametrize("change", ["block_id = block_id - 1", '"index" = "index" + 1'])
def test_a_wrong_tip_is_found(chain_with_a_past: Path, change: str) -> None:
    damage(f"UPDATE ledger_tip SET {change}")
    assert any(fault.invariant == "I1" for fault in the_faults())
    assert_found("I1", 6 if "block" in change else None, "the tip", REPAIRCHAIN)


def test_a_missing_tip_is_found(chain_with_a_past: Path) -> None:
    damage("DELETE FROM ledger_tip")
    assert_found("I1", None, "0 tips", REPAIRCHAIN)


def test_a_gap_in_the_active_chain_is_found(chain_with_a_past: Path) -> None:
    damage('DELETE FROM ledger_activeblock WHERE "index" = 3')
    assert_found("I1", None, "5 rows from 1 to 6", REPAIRCHAIN)


def test_a_version_that_cannot_be_is_found(chain_with_a_past: Path) -> None:
    damage("UPDATE ledger_tip SET version = 0")
    assert_found("I7", None, "version is 0", REPAIRCHAIN)


@pytest.mark.parametrize("name", sorted(triggers.names()))
def test_each_missing_trigger_is_named(chain_with_a_past: Path, name: str) -> None:
    with connection.cursor() as cursor:
        on = "" if connection.vendor == "sqlite" else f"ON {name.split('_refuses_')[0]}"
        cursor.execute(f"DROP TRIGGER {name} {on}")
    assert_found("I6", None, name, MIGRATE)


@pytest.mark.parametrize(
    "state, words",
    [("confirmed", "included 0 times"), ("refused", "refused")],
)
def test_a_transaction_in_a_state_that_is_not_so_is_named(
    chain_with_a_past: Path, state: str, words: str
) -> None:
    row = models.Transaction.objects.filter(
        state="pending" if state == "confirmed" else "confirmed"
    )[0]
    damage(
        "UPDATE ledger_transaction SET state = %s, reason = %s WHERE id = %s",
        state,
        "" if state == "confirmed" else "so it is said",
        row.pk,
    )
    index = row.inclusions.filter(block__active__isnull=False).values_list("index", flat=True)
    assert_found("I4", index.first(), f"{row.uid} is {state} .*", REPAIRCHAIN)


def test_a_transaction_that_is_not_what_its_block_says_is_named(chain_with_a_past: Path) -> None:
    row = models.Transaction.objects.filter(state="confirmed").order_by("pk")[0]
    damage("UPDATE ledger_transaction SET amount = amount + 1 WHERE id = %s", row.pk)
    assert_found(
        "I4", row.inclusions.order_by("pk")[0].index, f"{row.uid} is not what", REPAIRCHAIN
    )


def test_a_transaction_confirmed_by_two_blocks_is_named(chain_with_a_past: Path) -> None:
    row = models.Transaction.objects.filter(state="confirmed").order_by("pk")[0]
    damage(
        "UPDATE ledger_inclusion SET transaction_id = %s WHERE id = (SELECT MAX(i.id) FROM"
        " ledger_inclusion i JOIN ledger_activeblock a ON a.block_id = i.block_id)",
        row.pk,
    )
    assert any(f"{row.uid} is confirmed and included 2 times" in f.what for f in the_faults())


def test_a_node_without_identity_is_found(chain_with_a_past: Path) -> None:
    damage("DELETE FROM ledger_nodeidentity")
    assert_found("I9", None, "no identity", BACKUP)


@pytest.mark.sqlite("the files of a server are not a node's to look into")
def test_a_spoiled_page_of_the_file_is_found(chain_with_a_past: Path) -> None:
    with closing(sqlite3.connect(chain_with_a_past)) as database:
        ((page,),) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ledger_inclusion'"
        )
        ((size,),) = database.execute("PRAGMA page_size")
    spoil(chain_with_a_past, (page - 1) * size, size)
    assert_found("I6", None, "damaged|cannot be read", BACKUP)


@pytest.mark.sqlite("the files of a server are not a node's to look into")
@pytest.mark.parametrize("start, length", [(0, 100), (100, 2000)], ids=["header", "schema"])
def test_a_file_that_is_no_database_any_more_is_found(
    chain_with_a_past: Path, start: int, length: int
) -> None:
    spoil(chain_with_a_past, start, length)
    assert_found("I6", None, "cannot be read", BACKUP)


def spoil(path: Path, start: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * length)


def test_several_faults_are_named_together(chain_with_a_past: Path) -> None:
    damage(f"UPDATE ledger_block SET size = 0 WHERE {ACTIVE.format(2)}")
    damage(f"UPDATE ledger_block SET size = 0 WHERE {ACTIVE.format(5)}")
    damage("UPDATE ledger_address SET entries = 0 WHERE name = 'somebody'")
    found = [(fault.invariant, fault.index) for fault in the_faults()]
    assert found == [("I2", 2), ("I2", 5), ("I4", None)]
    with pytest.raises(Damaged) as refused:
        lifecycle.verify_or_refuse()
    assert refused.value.index == 2
    assert str(refused.value).count("To repair: ") == 3


def test_a_chain_broken_everywhere_names_no_more_than_anyone_reads(chain_with_a_past: Path) -> None:
    damage("UPDATE ledger_address SET entries = entries + 1")
    damage("UPDATE ledger_block SET size = 0")
    damage("UPDATE ledger_inclusion SET position = position + 1000")
    assert len(the_faults()) == 20


@pytest.mark.sqlite("PostgreSQL holds to the constraint that forbids it, whoever writes")
def test_one_of_ours_that_is_released_is_named(chain_with_a_past: Path) -> None:
    row = models.Transaction.objects.filter(state="pending")[0]
    damage("UPDATE ledger_transaction SET state = 'released' WHERE id = %s", row.pk)
    assert_found("I4", None, f"{row.uid} is released and our own", REPAIRCHAIN)
    assert repair.repair().transactions == 1
    row.refresh_from_db()
    assert (row.state, the_faults()) == ("returned", [])


def test_one_that_is_released_and_in_the_chain_is_named(chain_with_a_past: Path) -> None:
    row = models.Transaction.objects.filter(state="confirmed")[0]
    damage(
        "UPDATE ledger_transaction SET state = 'released', relayed_by = 'x:1' WHERE id = %s", row.pk
    )
    index = row.inclusions.get(block__active__isnull=False).index
    assert_found("I4", index, f"{row.uid} is released and included 1 times", REPAIRCHAIN)
    assert repair.repair().transactions == 1
    assert the_faults() == []


def test_one_that_came_later_than_its_block_is_named(chain_with_a_past: Path) -> None:
    row = models.Transaction.objects.filter(state="confirmed")[0]
    index = row.inclusions.get(block__active__isnull=False).index
    damage("UPDATE ledger_transaction SET floor = %s WHERE id = %s", index, row.pk)
    assert_found("I4", index, f"{row.uid} came later than the block that includes it", REPAIRCHAIN)
    assert repair.repair().transactions == 1
    assert the_faults() == []
