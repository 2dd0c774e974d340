"""Damage is named with its index; `repairchain` repairs it, and the node serves again."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.db import connection

from ledger import triggers
from ledger.models import Block, DamagedBlock, Reorganisation, Tip, Transaction
from ledger.node import lifecycle, mempool
from ledger.node.errors import Damaged

Manage = Callable[..., str]


def damage(statement: str, *parameters: object) -> None:
    with triggers.lifted(connection), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.fixture
def chain(manage: Manage, tmp_path: Path) -> Path:
    """Seven blocks, three of them with a transaction of ours; answered as an exported file."""
    for number in range(3):
        with lifecycle.running() as node:
            submission = mempool.Submission("alice", "bob", number)
            node.writer.submit_batched(node.door.accept, submission).result()
        manage("mine", "2")
    file = tmp_path / "good.json"
    manage("exportchain", str(file))
    return file


def test_a_sound_chain_is_called_sound(manage: Manage, chain: Path) -> None:
    assert "sound: 7 blocks on the active chain" in manage("verifychain")


def test_texts_hashes_links_and_proofs_are_checked_by_themselves(
    manage: Manage, chain: Path
) -> None:
    damage("UPDATE ledger_address SET sent = '77'")
    assert "proofs of 7 blocks on the active chain" in manage("verifychain", "--blocks")
    flip_a_byte(5, 1)
    with pytest.raises(CommandError, match=r"block 5: .*repairchain") as refused:
        manage("verifychain", "--blocks")
    assert "totals" not in str(refused.value)
    with pytest.raises(CommandError, match="not allowed with argument"):
        manage("verifychain", "--blocks", "--last", "1")


def flip_a_byte(index: int, seed: int) -> None:
    """Change one character of a stored text to another one."""
    text = Block.objects.get(active__index=index).canonical
    at = random.Random(seed).randrange(len(text))
    other = "7" if text[at] != "7" else "8"
    damage(
        'UPDATE ledger_block SET canonical = %s WHERE "index" = %s',
        text[:at] + other + text[at + 1 :],
        index,
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_byte_is_found_named_and_replaced_from_a_file(
    manage: Manage, chain: Path, seed: int
) -> None:
    index = 1 + seed % 7
    tip = Tip.objects.get().block.hash
    flip_a_byte(index, seed)
    with pytest.raises(CommandError, match=rf"block {index}: .*repairchain"):
        manage("verifychain")
    assert f"block {index}: replaced by a good copy" in manage("repairchain", "--from", str(chain))
    assert lifecycle.verify().sound
    assert Tip.objects.get().block.hash == tip
    assert Transaction.objects.filter(state="confirmed").count() == 3


def test_without_a_good_copy_the_chain_is_cut_and_our_transactions_return(
    manage: Manage, chain: Path
) -> None:
    flip_a_byte(4, 1)
    printed = manage("repairchain")
    assert "4 blocks cut off, 2 transactions returned to the pool" in printed
    assert lifecycle.verify().sound
    assert Tip.objects.get().index == 3
    assert Reorganisation.objects.get().source == "repairchain"
    assert DamagedBlock.objects.get().index == 4
    assert Transaction.objects.filter(state="returned").count() == 2


def test_what_was_cut_comes_back_whole_from_a_file(manage: Manage, chain: Path) -> None:
    flip_a_byte(4, 2)
    manage("repairchain")
    assert "adopted 7 blocks" in manage("importchain", str(chain))
    assert lifecycle.verify().sound
    assert Transaction.objects.filter(state="confirmed").count() == 3
    manage("exportchain", str(chain.with_name("again.json")))
    assert chain.with_name("again.json").read_bytes() == chain.read_bytes()


@pytest.mark.sqlite("PostgreSQL keeps no text that is not UTF-8")
def test_a_text_that_is_not_utf_8_any_more_is_repaired_too(manage: Manage, chain: Path) -> None:
    damage("UPDATE ledger_block SET canonical = CAST(x'7bff' AS TEXT) WHERE \"index\" = 4")
    with pytest.raises(CommandError, match=r"block 4: .*repairchain"):
        manage("verifychain")
    assert "block 4: replaced by a good copy" in manage("repairchain", "--from", str(chain))
    assert lifecycle.verify().sound
    assert Tip.objects.get().index == 7


def test_a_damaged_genesis_without_a_copy_is_left_as_it_is(manage: Manage, chain: Path) -> None:
    flip_a_byte(1, 3)
    with pytest.raises(CommandError, match="the genesis is damaged: give a file"):
        manage("repairchain")
    assert Tip.objects.get().index == 7
    assert not DamagedBlock.objects.exists()
    assert triggers.installed(connection) == triggers.names()


@pytest.mark.long
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_address SET sent = '77'",
        'UPDATE ledger_tip SET "index" = 3',
        "DELETE FROM ledger_inclusion WHERE position = 0",
        'UPDATE ledger_inclusion SET amount = 9 WHERE "index" = 2 AND position = 0',
        'UPDATE ledger_block SET size = 3 WHERE "index" = 3',
        "UPDATE ledger_block SET proof = 'x' WHERE \"index\" = 3",
        'DELETE FROM ledger_activeblock WHERE "index" = 2',
        "UPDATE ledger_transaction SET state = 'pending'",
        "UPDATE ledger_inclusion SET transaction_id = NULL",
    ],
)
def test_tables_that_differ_from_the_texts_are_built_anew(
    manage: Manage, chain: Path, statement: str
) -> None:
    damage(statement)
    with pytest.raises(CommandError, match="repairchain"):
        manage("verifychain")
    manage("repairchain")
    assert lifecycle.verify().sound
    assert Tip.objects.get().index == 7
    assert Transaction.objects.exclude(state="refused").count() == 3


def test_a_node_does_not_start_on_a_chain_it_knows_to_be_broken(
    manage: Manage, chain: Path
) -> None:
    flip_a_byte(5, 4)
    with pytest.raises(Damaged, match="block 5") as refused:
        lifecycle.verify_or_refuse()
    assert refused.value.index == 5
    assert "repairchain" in str(refused.value)


def test_a_missing_trigger_is_named(manage: Manage, chain: Path) -> None:
    table = " ON ledger_block" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER ledger_block_refuses_update{table}")
    with pytest.raises(CommandError, match="ledger_block_refuses_update"):
        manage("verifychain")
    manage("migrate")
    assert "sound" in manage("verifychain")
