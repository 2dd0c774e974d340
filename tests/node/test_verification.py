"""Verification names what is wrong, where, and how to repair it."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from ledger import models, triggers
from ledger.consensus import hash_of
from ledger.node import identity, lifecycle
from ledger.node.errors import Damaged
from ledger.node.verification import Fault

from . import chains
from .life import Life, give_it_a_past
from .statements import raise_crash

REPAIRCHAIN = "manage.py repairchain"
MIGRATE = "manage.py migrate"
BACKUP = "from a backup"


@pytest.fixture
def past(ledger_db: Path) -> Path:
    """Six active blocks (our transactions in 2, 3 and 6), two stale ones, a pool."""
    with transaction.atomic():
        identity.create(chains.NETWORK)
    life = Life(lambda **line: None, raise_crash)
    give_it_a_past(life)
    life.writer.close()
    connection.close()
    return ledger_db


def damage(statement: str, *parameters: Any) -> None:
    """What a shell, a script or a mistake could do, had it taken the triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        with triggers.lifted(connection):
            cursor.execute(statement, parameters)
            assert cursor.rowcount != 0, "nothing was damaged"
        cursor.execute("PRAGMA ignore_check_constraints = OFF")
        cursor.execute("PRAGMA foreign_keys = ON")


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


ACTIVE = 'id = (SELECT block_id FROM ledger_activeblock WHERE "index" = {})'
STALE = "NOT EXISTS (SELECT 1 FROM ledger_activeblock a WHERE a.block_id = ledger_block.id)"


def test_a_sound_chain_is_called_sound_and_counted(past: Path) -> None:
    report = lifecycle.verify()
    assert report.sound
    assert (report.blocks, report.stale) == (models.Tip.objects.get().index, 2)
    texts = chains.active_texts()
    assert report.transactions == sum(text.count('"recipient"') for text in texts)
    assert (
        report.irregular
        == models.Inclusion.objects.exclude(irregular="")
        .filter(block__active__isnull=False)
        .count()
        > 0
    )
    assert report.supply == report.blocks - 1


def test_progress_is_told_to_its_end(past: Path) -> None:
    told = list[tuple[int, int]]()
    lifecycle.verify(lambda done, blocks: told.append((done, blocks)))
    assert told[-1] == (6, 6)


@pytest.mark.parametrize("index", range(1, 7))
@pytest.mark.parametrize("flipped", [b"\x01", b"\x80"], ids=["low bit", "high bit"])
def test_a_flipped_bit_in_a_stored_text_is_found_in_its_block(
    past: Path, index: int, flipped: bytes
) -> None:
    flip_bit_of(
        'b.id IN (SELECT block_id FROM ledger_activeblock WHERE "index" = ?)', index, flipped
    )
    assert_found("I2", index, "does not have the hash", REPAIRCHAIN)


@pytest.mark.parametrize("flipped", [b"\x01", b"\x80"], ids=["low bit", "high bit"])
def test_a_flipped_bit_in_a_side_branch_is_found_in_its_block(past: Path, flipped: bytes) -> None:
    stale = models.Block.objects.filter(active=None).order_by("index")[0]
    flip_bit_of("b.id = ?", stale.pk, flipped)
    assert_found("I2", stale.index, "does not have the hash", REPAIRCHAIN)


def flip_bit_of(which: str, parameter: int, flipped: bytes) -> None:
    """Change one bit of a text, past Django, which takes only text that is UTF-8."""
    query = f"SELECT b.id, CAST(b.canonical AS BLOB) FROM ledger_block b WHERE {which}"
    with triggers.lifted(connection):
        own = connection.connection
        ((pk, text),) = own.execute(query, [parameter]).fetchall()
        at = text.index(b"timestamp") + 3
        spoiled = text[:at] + bytes([text[at] ^ flipped[0]]) + text[at + 1 :]
        own.execute(
            "UPDATE ledger_block SET canonical = CAST(? AS TEXT) WHERE id = ?", [spoiled, pk]
        )


@pytest.mark.parametrize(
    "column, value",
    [
        ("parent_hash", "'" + "0" * 64 + "'"),
        ('"index"', "99"),
        ("size", "size + 1"),
        ("timestamp", "timestamp + 0.5"),
        ("timestamp", "NULL"),
        ("proof", "'100'"),
        ("proof", "'no number'"),
        ("transaction_count", "transaction_count + 1"),
        ("irregular_count", "irregular_count + 1"),
    ],
)
@pytest.mark.parametrize("stale", [False, True], ids=["active", "stale"])
def test_a_wrong_column_is_found_in_its_block(
    past: Path, column: str, value: str, stale: bool
) -> None:
    pk, index = (
        models.Block.objects.filter(active__isnull=stale, index__gt=3)
        .order_by("index")
        .values_list("pk", "index")[0]
    )
    damage(f"UPDATE ledger_block SET {column} = {value} WHERE id = %s", pk)
    assert_found("I2", index, "columns differ", REPAIRCHAIN)


ENTRY = """
    id = (SELECT i.id FROM ledger_inclusion i JOIN ledger_block b ON b.id = i.block_id
          LEFT JOIN ledger_activeblock a ON a.block_id = b.id
          WHERE i.irregular = '' AND (a.block_id IS NULL) = {} ORDER BY i.id LIMIT 1)
"""


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM ledger_inclusion",
        "UPDATE ledger_inclusion SET amount = amount + 1",
        "UPDATE ledger_inclusion SET position = 77",
        'UPDATE ledger_inclusion SET "index" = 77',
        "UPDATE ledger_inclusion SET sender_id = recipient_id",
        "UPDATE ledger_inclusion SET recipient_id = NULL",
        "UPDATE ledger_inclusion SET irregular = 'so it is said', amount = NULL",
    ],
)
@pytest.mark.parametrize("stale", [False, True], ids=["active", "stale"])
def test_a_wrong_or_missing_inclusion_is_found_in_its_block(
    past: Path, change: str, stale: bool
) -> None:
    where = ENTRY.format(int(stale))
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT b."index" FROM ledger_inclusion i JOIN ledger_block b ON b.id = i.block_id'
            f" WHERE i.{where.strip()}"
        )
        ((index,),) = cursor.fetchall()
    damage(f"{change} WHERE {where}")
    assert_found("I2", index, "inclusions", REPAIRCHAIN)


@pytest.mark.parametrize(
    "change",
    ["received = '1'", "sent = '99999999999999999999'", "entries = entries + 1", "sent = 'much'"],
)
def test_wrong_totals_are_found_and_name_the_address(past: Path, change: str) -> None:
    damage(f"UPDATE ledger_address SET {change} WHERE name = 'somebody'")
    assert_found("I4", None, "totals of 'somebody'", REPAIRCHAIN)


@pytest.mark.parametrize("change", ["block_id = block_id - 1", '"index" = "index" + 1'])
def test_a_wrong_tip_is_found(past: Path, change: str) -> None:
    damage(f"UPDATE ledger_tip SET {change}")
    assert any(fault.invariant == "I1" for fault in the_faults())
    assert_found("I1", 6 if "block" in change else None, "the tip", REPAIRCHAIN)


def test_a_missing_tip_is_found(past: Path) -> None:
    damage("DELETE FROM ledger_tip")
    assert_found("I1", None, "0 tips", REPAIRCHAIN)


def test_a_gap_in_the_active_chain_is_found(past: Path) -> None:
    damage('DELETE FROM ledger_activeblock WHERE "index" = 3')
    assert_found("I1", None, "5 rows from 1 to 6", REPAIRCHAIN)


def test_a_version_that_cannot_be_is_found(past: Path) -> None:
    damage("UPDATE ledger_tip SET version = 0")
    assert_found("I7", None, "version is 0", REPAIRCHAIN)


@pytest.mark.parametrize("name", sorted(triggers.names()))
def test_each_missing_trigger_is_named(past: Path, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}")
    assert_found("I6", None, name, MIGRATE)


@pytest.mark.parametrize(
    "state, words",
    [("confirmed", "included 0 times"), ("refused", "refused")],
)
def test_a_transaction_in_a_state_that_is_not_so_is_named(
    past: Path, state: str, words: str
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


def test_a_transaction_that_is_not_what_its_block_says_is_named(past: Path) -> None:
    row = models.Transaction.objects.filter(state="confirmed").order_by("pk")[0]
    damage("UPDATE ledger_transaction SET amount = amount + 1 WHERE id = %s", row.pk)
    assert_found(
        "I4", row.inclusions.order_by("pk")[0].index, f"{row.uid} is not what", REPAIRCHAIN
    )


def test_a_transaction_confirmed_by_two_blocks_is_named(past: Path) -> None:
    row = models.Transaction.objects.filter(state="confirmed").order_by("pk")[0]
    damage(
        "UPDATE ledger_inclusion SET transaction_id = %s WHERE id = (SELECT MAX(i.id) FROM"
        " ledger_inclusion i JOIN ledger_activeblock a ON a.block_id = i.block_id)",
        row.pk,
    )
    assert any(f"{row.uid} is confirmed and included 2 times" in f.what for f in the_faults())


def replace_text(index: int, change: Callable[[dict[str, Any]], object]) -> None:
    """Another block in a block's place, hashed anew: only the rules of the chain can tell."""
    block = models.Block.objects.get(active__index=index)
    value = chains.NETWORK.dialect.decoder.decode(block.canonical)
    change(value)
    text = chains.NETWORK.canonical(value)
    damage(
        "UPDATE ledger_block SET canonical = %s, hash = %s, proof = %s WHERE id = %s",
        text,
        hash_of(text),
        str(value["proof"]),
        block.pk,
    )


def test_a_proof_without_work_is_found(past: Path) -> None:
    replace_text(6, lambda value: value.update(proof=value["proof"] + 1))
    assert_found("I3", 6, "zeros", REPAIRCHAIN)


def test_a_block_that_does_not_follow_its_parent_is_found(past: Path) -> None:
    replace_text(4, lambda value: value.update(timestamp=0.0))
    assert_found("I3", 5, "not its parent's", REPAIRCHAIN)


def test_a_genesis_of_another_dialect_is_found(past: Path) -> None:
    replace_text(1, lambda value: value.update(previous_hash="another"))
    assert_found("I3", 1, "genesis", REPAIRCHAIN)


def test_a_sealed_block_that_pays_somebody_else_is_found(past: Path) -> None:
    damage(f"UPDATE ledger_block SET origin = 'mined' WHERE {ACTIVE.format(4)}")
    assert_found("I5", 4, "reward", BACKUP)


def test_a_node_without_identity_is_found(past: Path) -> None:
    damage("DELETE FROM ledger_nodeidentity")
    assert_found("I9", None, "no identity", BACKUP)


def test_a_spoiled_page_of_the_file_is_found(past: Path) -> None:
    with closing(sqlite3.connect(past)) as database:
        ((page,),) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'ledger_inclusion'"
        )
        ((size,),) = database.execute("PRAGMA page_size")
    spoil(past, (page - 1) * size, size)
    assert_found("I6", None, "damaged|cannot be read", BACKUP)


@pytest.mark.parametrize("start, length", [(0, 100), (100, 2000)], ids=["header", "schema"])
def test_a_file_that_is_no_database_any_more_is_found(past: Path, start: int, length: int) -> None:
    spoil(past, start, length)
    assert_found("I6", None, "cannot be read", BACKUP)


def spoil(path: Path, start: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * length)


def test_several_faults_are_named_together(past: Path) -> None:
    damage(f"UPDATE ledger_block SET size = 0 WHERE {ACTIVE.format(2)}")
    damage(f"UPDATE ledger_block SET size = 0 WHERE {ACTIVE.format(5)}")
    damage("UPDATE ledger_address SET entries = 0 WHERE name = 'somebody'")
    found = [(fault.invariant, fault.index) for fault in the_faults()]
    assert found == [("I2", 2), ("I2", 5), ("I4", None)]
    with pytest.raises(Damaged) as refused:
        lifecycle.verify_or_refuse()
    assert refused.value.index == 2
    assert str(refused.value).count("To repair: ") == 3


def test_a_chain_broken_everywhere_names_no_more_than_anyone_reads(past: Path) -> None:
    damage("UPDATE ledger_address SET entries = entries + 1")
    damage("UPDATE ledger_block SET size = 0")
    damage("UPDATE ledger_inclusion SET position = position + 1000")
    assert len(the_faults()) == 20
