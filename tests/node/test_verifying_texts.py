"""The chain's texts are judged together as each of them is by itself, whatever is wrong."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from django.db import connection, transaction

from ledger.consensus import DVF, JS, Network, hash_of
from ledger.models import Block
from ledger.node import identity, lifecycle, verification
from ledger.node.events import Listeners
from ledger.node.verification import Report, report, texts
from ledger.node.writer import Writer

from . import chains
from .conftest import seed_of_this_run
from .test_verification_at_a_glance import PLAIN, VALUES, damaged_copy

ALL = 1000


@pytest.fixture(autouse=True)
def every_fault_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_FAULTS", ALL)


def chain_on(network: Network, path: Path) -> Path:
    """Fourteen active blocks, among them a large and an odd one."""
    with transaction.atomic():
        identity.create(network)
    contents = [[*PLAIN[: at % 5], chains.reward("miner")] for at in range(9)]
    contents += [[], PLAIN * 20, [{"odd": [at]} for at in range(3)], PLAIN]
    writer = Writer(Listeners())
    grown = chains.grow([chains.genesis(1.5, network)], contents, 1.7e9, network)
    chains.adopt(grown, writer, network)
    writer.close()
    connection.close()
    return path


@pytest.fixture
def chain(ledger_db: Path) -> Path:
    return chain_on(chains.NETWORK, ledger_db)


def verified(patch: pytest.MonkeyPatch, *, blocks: int, threads: bool = False) -> Report:
    """`blocks` at once; 0: each by itself."""
    with patch.context() as patched:
        patched.setattr(texts, "_BLOCKS", max(1, blocks))
        patched.setattr(verification, "_MANY", 1 if threads else 10**9)
        if not blocks:
            patched.setattr(texts, "_read", lambda *_: None)
        return lifecycle.verify_texts()


def assert_all_ways_agree(patch: pytest.MonkeyPatch) -> Report:
    each = verified(patch, blocks=0)
    for blocks in (1, 3, 100):
        assert verified(patch, blocks=blocks) == each
    assert verified(patch, blocks=4, threads=True) == each
    return each


def of_texts(found: Report) -> list[str]:
    """What the whole verification finds of texts, hashes, links and proofs, and of the tip."""
    return [
        str(fault)
        for fault in found.faults
        if fault.invariant in ("I1", "I2", "I3") and "differ from its text" not in fault.what
    ]


@pytest.mark.parametrize(
    "network", [chains.NETWORK, Network(DVF, 1), Network(JS, 1)], ids=lambda it: it.dialect.name
)
def test_a_sound_chain_is_sound_in_each_dialect(
    ledger_db: Path, monkeypatch: pytest.MonkeyPatch, network: Network
) -> None:
    chain_on(network, ledger_db)
    found = assert_all_ways_agree(monkeypatch)
    assert (found.blocks, found.faults) == (14, [])


def looked_at(patch: pytest.MonkeyPatch) -> list[int]:
    seen = []
    closely = texts.check_text
    patch.setattr(texts, "check_text", lambda *these: seen.append(these[3]) or closely(*these))
    assert lifecycle.verify_texts().sound
    return seen


def test_regular_blocks_are_looked_at_one_by_one_only_beside_those_that_are_not(
    chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "_BLOCKS", 3)
    assert looked_at(monkeypatch) == [1, 11, 12, 13]
    monkeypatch.setattr(texts, "_HEAVIEST", 500)
    assert {1, 12} < set(looked_at(monkeypatch)), "nor with heavy ones"


TEXTS = {
    "ledger_block": {
        name: VALUES["ledger_block"][name] for name in ("hash", "canonical")
    },
    "ledger_activeblock": VALUES["ledger_activeblock"],
    "ledger_tip": {'"index"': ['"index" - 1'], "block_id": ["block_id - 1"]},
}  # fmt: skip
TEXTS["ledger_block"]["canonical"] += [
    "CAST(canonical AS BLOB)",
    "CAST(x'7bff' AS TEXT)",
    "''",
    "NULL",
    "replace(canonical, '1700000000.0', '1700000000.00')",
    "replace(canonical, '1700000000.0', '1700000000')",
    "replace(canonical, '\"proof\": ', '\"proof\": 1')",
]


@pytest.mark.long
@pytest.mark.sqlite("damages its file")
def test_each_kind_of_damage_is_found_either_way(
    chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unnoticed = []
    for table, columns in TEXTS.items():
        for column, values in columns.items():
            for value in values:
                where = 'rowid = (SELECT block_id FROM ledger_activeblock WHERE "index" = 5)'
                if table != "ledger_block":
                    where = f"rowid = (SELECT MAX(rowid) FROM {table})"
                statement = f"UPDATE {table} SET {column} = {value} WHERE {where}"
                with damaged_copy(chain, [statement]):
                    found = assert_all_ways_agree(monkeypatch)
                    assert of_texts(found) == of_texts(lifecycle.verify(last=ALL))
                    if found.sound:
                        unnoticed.append(statement)
    # Only what the database does not take, or takes for what was there already.
    assert len(unnoticed) <= 4, unnoticed


@pytest.mark.long
@pytest.mark.sqlite("damages its file")
def test_any_damage_is_found_either_way(chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed_of_this_run())
    for _ in range(10):
        statements = []
        for _ in range(chance.randint(1, 3)):
            table = chance.choice(list(TEXTS))
            column = chance.choice(list(TEXTS[table]))
            value = chance.choice(TEXTS[table][column])
            where = f"rowid % 7 = {chance.randrange(7)}"
            statements.append(f"UPDATE {table} SET {column} = {value} WHERE {where}")
        print(statements)
        with damaged_copy(chain, statements):
            found = assert_all_ways_agree(monkeypatch)
            assert of_texts(found) == of_texts(lifecycle.verify(last=ALL))


@pytest.mark.sqlite("damages its file")
def test_a_text_changed_together_with_its_hash_is_found_by_its_successor(
    chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = Block.objects.get(active__index=6).canonical
    spoiled = text.replace('"amount": 0', '"amount": 7')
    assert spoiled != text
    statement = (
        f"UPDATE ledger_block SET canonical = '{spoiled}', hash = '{hash_of(spoiled)}'"
        f" WHERE hash = '{hash_of(text)}'"
    )
    with damaged_copy(chain, [statement]):
        (fault,) = assert_all_ways_agree(monkeypatch).faults
        assert (fault.invariant, fault.index) == ("I3", 7)


@pytest.mark.sqlite("damages its file")
def test_a_block_that_is_not_there_is_missed_though_it_is_the_last(
    chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement = "DELETE FROM ledger_block WHERE id = (SELECT block_id FROM ledger_tip)"
    with damaged_copy(chain, [statement]):
        (fault,) = assert_all_ways_agree(monkeypatch).faults
        assert fault.what == "1 active blocks are not stored"
        assert str(fault) in of_texts(lifecycle.verify(last=ALL))
