"""Verification at a glance finds what a close look finds, whatever is wrong, and so do threads."""

from __future__ import annotations

import json
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections, transaction

from ledger import models, triggers
from ledger.consensus import hash_of
from ledger.node import identity, lifecycle, verification
from ledger.node.events import Listeners
from ledger.node.verification import Report, sight
from ledger.node.writer import Writer
from tests.conftest import use_database

from . import chains
from .conftest import seed_of_this_run

pytestmark = pytest.mark.sqlite("only there is a glance enough; on a server, every block is parsed")

PLAIN = [{"sender": "ann", "recipient": "bob", "amount": at} for at in range(4)]


@pytest.fixture
def plain_chain(ledger_db: Path) -> Path:
    """Nine active blocks, all but the genesis regular; one stale one."""
    with transaction.atomic():
        own = identity.create(chains.NETWORK)
    texts = [chains.genesis(1.5)]
    contents = [[*PLAIN[: at % 5], chains.reward("miner")] for at in range(5)]
    writer = Writer(Listeners())
    chains.adopt(chains.grow(texts, [*contents, [], PLAIN, PLAIN[:1]], 1.7e9), writer)
    writer.run(lambda: None)
    writer.close()
    assert own.network == chains.NETWORK
    connection.close()
    return ledger_db


def verified(patch: pytest.MonkeyPatch, *, at_a_glance: bool, threads: bool) -> Report:
    with patch.context() as patched:
        patched.setattr(verification, "_MANY", 1 if threads else 10**9)
        if not at_a_glance:
            patched.setattr(sight, "may_look", lambda: False)
        return lifecycle.verify()


def assert_all_ways_agree(patch: pytest.MonkeyPatch) -> Report:
    close = verified(patch, at_a_glance=False, threads=False)
    assert verified(patch, at_a_glance=True, threads=False) == close
    assert verified(patch, at_a_glance=True, threads=True) == close
    return close


def test_a_regular_chain_is_looked_at_closely_nowhere_but_at_its_genesis(
    plain_chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert assert_all_ways_agree(monkeypatch).sound
    looked_at = []
    closely = verification.chain.check_active_block
    monkeypatch.setattr(
        verification.chain,
        "check_active_block",
        lambda *arguments: looked_at.append(arguments[3][0]) or closely(*arguments),
    )
    assert lifecycle.verify().sound
    assert looked_at in ([1], [1, 7]), "the empty block may be looked at"


def test_all_ways_agree_on_a_chain_with_irregular_blocks(
    chain_with_a_past: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert assert_all_ways_agree(monkeypatch).irregular > 0


VALUES = {
    "ledger_block": {
        "hash": ["'0'", "upper(hash)", "hash || ','", "CAST(hash AS BLOB)"],
        "parent_hash": ["hash", "NULL", "'1,2'", "CAST(parent_hash AS BLOB)"],
        '"index"': ["0", '"index" + 1', "NULL", "2.5"],
        "size": ["0", "size + 1"],
        "timestamp": ["NULL", "timestamp + 1e-7", "9e999", "'x'", "round(timestamp)"],
        "proof": ["'0' || proof", "proof || ' '", "'-1'", "'x'", "CAST(proof AS BLOB)"],
        "transaction_count": ["0", "transaction_count + 1", "-1", "1.5"],
        "irregular_count": ["1", "-1"],
        "origin": ["'mined'"],
        "canonical": [
            "canonical || ' '",
            "canonical || char(10)",
            "replace(canonical, 'ann', 'a\\u006en')",
            "replace(canonical, ': ', ':')",
            "replace(canonical, 'bob', 'bo' || char(1))",
            "replace(canonical, '\"amount\": 0', '\"amount\": 00')",
        ],
    },
    "ledger_inclusion": {
        "position": ["-1", "position + 100", "0.5"],
        '"index"': ["0", '"index" + 1'],
        "sender_id": ["NULL", "recipient_id", "999"],
        "recipient_id": ["NULL", "sender_id", "999"],
        "amount": ["NULL", "-1", "amount + 1", "1.0", "0.5", "'1'", "'x'", "9e999"],
        "irregular": ["'odd'", "' '", "'\"}'", "CAST('' AS BLOB)"],
        "block_id": ["block_id + 1", "999"],
    },
    "ledger_address": {
        "name": [
            "''",
            "name || '\"'",
            "name || char(10)",
            "name || '\\'",
            "name || 'é'",
            "'0'",
            "CAST(name AS BLOB)",
            "printf('%300s', name)",
        ],
        "received": ["'1'"],
        "entries": ["entries + 1"],
    },
    "ledger_activeblock": {'"index"': ['"index" + 100'], "block_id": ["999"]},
}


@contextmanager
def damaged_copy(path: Path, statements: list[str]) -> Iterator[None]:
    """The database with what these statements do to it, as far as it lets them."""
    copy = path.with_name("damaged.sqlite3")
    shutil.copy(path, copy)
    use_database(copy)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("PRAGMA ignore_check_constraints = ON")
        triggers.remove(connection)
        for statement in statements:
            try:
                connection.connection.execute(statement)
            except Exception as error:
                assert "constraint" in str(error), (statement, error)
        triggers.install(connection)
    connection.close()
    try:
        yield
    finally:
        use_database(path)


def one_statement(chance: random.Random) -> str:
    table = chance.choice([*VALUES, "ledger_inclusion"])
    if chance.random() < 0.1:
        return f"DELETE FROM {table} WHERE rowid % 5 = {chance.randrange(5)}"
    column = chance.choice(list(VALUES[table]))
    value = chance.choice(VALUES[table][column])
    return f"UPDATE {table} SET {column} = {value} WHERE rowid % 11 = {chance.randrange(11)}"


@pytest.mark.long
def test_each_kind_of_damage_is_found_either_way(
    plain_chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unnoticed = []
    for table, columns in VALUES.items():
        for column, values in columns.items():
            for value in values:
                where = 'rowid = (SELECT block_id FROM ledger_activeblock WHERE "index" = 5)'
                if table != "ledger_block":
                    where = f"rowid = (SELECT MAX(rowid) - 3 FROM {table})"
                if table == "ledger_address":
                    where = "name = 'bob'"
                statement = f"UPDATE {table} SET {column} = {value} WHERE {where}"
                with damaged_copy(plain_chain, [statement]):
                    if assert_all_ways_agree(monkeypatch).sound:
                        unnoticed.append(statement)
    # Only what the database takes for what was there already, or does not take at all.
    assert len(unnoticed) <= 8, unnoticed


@pytest.mark.long
def test_any_damage_is_found_either_way(plain_chain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed_of_this_run())
    for _ in range(40):
        statements = [one_statement(chance) for _ in range(chance.randint(1, 3))]
        print(statements)
        with damaged_copy(plain_chain, statements):
            assert_all_ways_agree(monkeypatch)


def test_names_that_look_like_more_than_a_name_deceive_nobody(
    plain_chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entry whose name holds the text of the next one: the texts are the same."""
    block = models.Block.objects.get(active__index=3)
    entries = json.loads(block.canonical)["transactions"]
    assert len(entries) == 2
    first, second = (json.dumps(entry, sort_keys=True) for entry in entries)
    both = f"{first}, {second}"
    name = both.removeprefix('{"amount": 0, "recipient": "bob", "sender": "').removesuffix('"}')
    statements = [
        f"INSERT INTO ledger_address VALUES (99, '{name}', '0', '0', 0)",
        f"UPDATE ledger_inclusion SET sender_id = 99 WHERE block_id = {block.pk} AND position = 0",
        f"DELETE FROM ledger_inclusion WHERE block_id = {block.pk} AND position = 1",
    ]
    for count in ("", f"UPDATE ledger_block SET transaction_count = 1 WHERE id = {block.pk}"):
        with damaged_copy(plain_chain, [*statements, count]):
            report = assert_all_ways_agree(monkeypatch)
            assert any(f.index == 3 and "inclusions" in f.what for f in report.faults)


def test_a_text_that_another_encoder_wrote_is_not_canonical_at_a_glance_either(
    plain_chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashed as it is written, and named so by its successor: only its form is wrong."""
    texts = chains.active_texts()
    for spoil in (lambda text: text.replace(": ", ":"), lambda text: text + " "):
        spoiled = spoil(texts[-1])
        statement = (
            f"UPDATE ledger_block SET canonical = '{spoiled}', hash = '{hash_of(spoiled)}',"
            f" size = {len(spoiled)} WHERE hash = '{hash_of(texts[-1])}'"
        )
        with damaged_copy(plain_chain, [statement]):
            assert any("not canonical" in f.what for f in assert_all_ways_agree(monkeypatch).faults)


def test_what_is_written_meanwhile_is_seen_by_no_thread(
    plain_chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address appears while the totals are still to be read, in the very moment they begin."""
    monkeypatch.setattr(verification, "_MANY", 1)
    began = []

    def write(check: Callable[[Report], None]) -> Callable[[Report], None]:
        def checking(report: Report) -> None:
            own = connection.copy()
            with own.cursor() as cursor:
                cursor.execute("UPDATE ledger_address SET received = received || '0'")
            own.close()
            began.append(check)
            check(report)

        return checking

    tables = verification.tables
    monkeypatch.setattr(tables, "check_storage", write(tables.check_storage))
    report = lifecycle.verify()
    assert began and report.sound
    monkeypatch.undo()
    assert not lifecycle.verify().sound


def test_without_the_write_lock_one_thread_checks_all(
    plain_chain: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_MANY", 1)

    class Holder:
        def cursor(self) -> Any:
            raise DatabaseError("attempt to write a readonly database")

        def close(self) -> None:
            pass

    monkeypatch.setattr(connections, "create_connection", lambda alias: Holder())
    monkeypatch.setattr(threading.Thread, "start", lambda self: pytest.fail("a thread began"))
    assert lifecycle.verify().sound
