"""Verification names what is wrong, where, and how to repair it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ledger import models, triggers
from ledger.consensus import hash_of
from ledger.node import lifecycle

from . import chains
from .damage import ACTIVE, BACKUP, REPAIRCHAIN, assert_found, damage


def test_a_sound_chain_is_called_sound_and_counted(chain_with_a_past: Path) -> None:
    report = lifecycle.verify()
    assert report.sound
    assert (report.blocks, report.stale) == (models.Tip.objects.get().index, 2)
    texts = chains.active_texts()
    assert report.transactions == sum(text.count('"recipient"') for text in texts)
    irregular = models.Inclusion.objects.exclude(irregular="").filter(block__active__isnull=False)
    assert report.irregular == irregular.count() > 0
    assert report.supply == report.blocks - 1


def test_progress_is_told_to_its_end(chain_with_a_past: Path) -> None:
    told = list[tuple[int, int]]()
    lifecycle.verify(lambda done, blocks: told.append((done, blocks)))
    assert told[-1] == (6, 6)


FLIPPED = [
    pytest.param(b"\x01", id="low bit"),
    pytest.param(
        b"\x80",
        id="high bit",
        marks=pytest.mark.sqlite("PostgreSQL keeps no text that is not UTF-8"),
    ),
]


@pytest.mark.parametrize("index", range(1, 7))
@pytest.mark.parametrize("flipped", FLIPPED)
def test_a_flipped_bit_in_a_stored_text_is_found_in_its_block(
    chain_with_a_past: Path, index: int, flipped: bytes
) -> None:
    flip_bit_of(
        'b.id IN (SELECT block_id FROM ledger_activeblock WHERE "index" = %s)', index, flipped
    )
    assert_found("I2", index, "does not have the hash", REPAIRCHAIN)


@pytest.mark.parametrize("flipped", FLIPPED)
def test_a_flipped_bit_in_a_side_branch_is_found_in_its_block(
    chain_with_a_past: Path, flipped: bytes
) -> None:
    stale = models.Block.objects.filter(active=None).order_by("index")[0]
    flip_bit_of("b.id = %s", stale.pk, flipped)
    assert_found("I2", stale.index, "does not have the hash", REPAIRCHAIN)


def flip_bit_of(which: str, parameter: int, flipped: bytes) -> None:
    """Change one bit of a text, past Django, which takes only text that is UTF-8."""
    as_bytes, as_text = {
        "sqlite": ("CAST(b.canonical AS BLOB)", "CAST(%s AS TEXT)"),
        "postgresql": ("convert_to(b.canonical, 'UTF8')", "convert_from(%s, 'UTF8')"),
    }[connection.vendor]
    with triggers.lifted(connection), connection.cursor() as cursor:
        cursor.execute(f"SELECT b.id, {as_bytes} FROM ledger_block b WHERE {which}", [parameter])
        ((pk, text),) = cursor.fetchall()
        at = bytes(text).index(b"timestamp") + 3
        spoiled = text[:at] + bytes([text[at] ^ flipped[0]]) + text[at + 1 :]
        cursor.execute(
            f"UPDATE ledger_block SET canonical = {as_text} WHERE id = %s", [spoiled, pk]
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
    chain_with_a_past: Path, column: str, value: str, stale: bool
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
          WHERE i.irregular = '' AND a.block_id IS {} NULL ORDER BY i.id LIMIT 1)
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
    chain_with_a_past: Path, change: str, stale: bool
) -> None:
    where = ENTRY.format("" if stale else "NOT")
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT b."index" FROM ledger_inclusion i JOIN ledger_block b ON b.id = i.block_id'
            f" WHERE i.{where.strip()}"
        )
        ((index,),) = cursor.fetchall()
    damage(f"{change} WHERE {where}")
    assert_found("I2", index, "inclusions", REPAIRCHAIN)


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


def test_a_proof_without_work_is_found(chain_with_a_past: Path) -> None:
    replace_text(6, lambda value: value.update(proof=value["proof"] + 1))
    assert_found("I3", 6, "zeros", REPAIRCHAIN)


def test_a_block_that_does_not_follow_its_parent_is_found(chain_with_a_past: Path) -> None:
    replace_text(4, lambda value: value.update(timestamp=0.0))
    assert_found("I3", 5, "not its parent's", REPAIRCHAIN)


def test_a_genesis_of_another_dialect_is_found(chain_with_a_past: Path) -> None:
    replace_text(1, lambda value: value.update(previous_hash="another"))
    assert_found("I3", 1, "genesis", REPAIRCHAIN)


def test_a_sealed_block_that_pays_somebody_else_is_found(chain_with_a_past: Path) -> None:
    damage(f"UPDATE ledger_block SET origin = 'mined' WHERE {ACTIVE.format(4)}")
    assert_found("I5", 4, "reward", BACKUP)
