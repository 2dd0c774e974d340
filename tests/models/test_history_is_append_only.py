"""The database itself refuses to rewrite history, whoever asks and however.

Each attempt goes past this project's own code, as a shell, a script or a mistake would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections, models, transaction
from django.db.models import F, ProtectedError
from pytest_django.plugin import DjangoDbBlocker

from ledger.models import (
    ActiveBlock,
    Address,
    Block,
    DamagedBlock,
    Event,
    Inclusion,
    NodeIdentity,
    Reorganisation,
    ReorganisedTransaction,
    Tip,
    Transaction,
)
from ledger.node import branch as branches
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.node.mempool import Submission
from tests import databases
from tests.conftest import use_database
from tests.consensus.chains import body_of, make_chain, read

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LARGEST = 2**63 - 1


def adopt(node: lifecycle.Node, *contents: list[Any], length: int) -> None:
    """Have the node follow a valid chain that somebody else made."""
    network = node.identity.network
    blocks = read(body_of(make_chain(network, length, contents)), network)
    branch = branches.spool(blocks)
    assert branches.adopt(branch, network, node.writer, Block.Origin.PEER, "peer.example:5000")
    branch.close()


def submit(node: lifecycle.Node, amount: int, key: str | None = None) -> Transaction:
    submission = Submission("alice", "bob", amount, key)
    acknowledged = node.writer.submit_batched(node.door.accept, submission).result()
    return Transaction.objects.get(uid=acknowledged.uid)


def record_evidence() -> None:
    DamagedBlock.objects.create(hash="0" * 64, index=3, canonical="{}", found_at=NOW)


@pytest.fixture(scope="module")
def eventful(
    migrated: Path, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Path:
    """A database file of a node to which everything has happened once: rows in every table."""
    folder = tmp_path_factory.mktemp("eventful")
    path = folder / "chain.sqlite3"
    databases.copy(migrated, path)
    conf = replace(NodeConf.from_settings(), data=folder, dialect="seed", difficulty=2)
    with django_db_blocker.unblock():
        use_database(path)
        with lifecycle.running(conf) as node:
            submit(node, 5, key="k")
            node.miner.mine().result(20)
            submit(node, 7)
            adopt(node, [], [{"sender": "carol", "recipient": "dave", "amount": -1}], length=4)
            node.writer.run(record_evidence)
        assert ReorganisedTransaction.objects.exists(), "a transaction was mined and came back"
        assert Inclusion.objects.exclude(irregular="").exists()
        assert Inclusion.objects.filter(transaction__isnull=False).exists()
        databases.settle()
        connections.close_all()
    return path


@pytest.fixture
def history(eventful: Path, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """That history, in a file of this test's own; no node runs."""
    path = tmp_path / "chain.sqlite3"
    databases.copy(eventful, path)
    with django_db_blocker.unblock():
        use_database(path)
        yield
        connections.close_all()
    if databases.server():
        databases.remove(path)


FROZEN: list[type[models.Model]] = [
    Block,
    Event,
    Reorganisation,
    ReorganisedTransaction,
    NodeIdentity,
    DamagedBlock,
]
KEPT: list[type[models.Model]] = [*FROZEN, Transaction, Inclusion, Tip]


def columns(model: type[models.Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]


def another(row: models.Model, name: str) -> Any:
    """A value of the column's type that is not the one it has."""
    value = getattr(row, name)
    field = row._meta.get_field(name)
    if isinstance(field, models.ForeignKey):
        target = field.target_field.attname
        others = field.related_model._base_manager.exclude(**{target: value})
        return others.values_list(target, flat=True).first()
    if isinstance(value, datetime):
        return NOW
    if isinstance(field, models.UUIDField):
        return "00000000-0000-4000-8000-000000000000"
    if isinstance(value, (int, float)) or isinstance(
        field, (models.IntegerField, models.BigIntegerField, models.FloatField)
    ):
        return (value or 0) + 1
    # PostgreSQL has other words for one that is too long.
    return ((value or "") + "1")[-(getattr(field, "max_length", None) or 10**6) :]


@contextmanager
def refused(*kinds: type[Exception], match: str | None = None) -> Iterator[None]:
    """The attempt fails and leaves nothing behind."""
    before = contents()
    with pytest.raises(kinds or (IntegrityError,), match=match), transaction.atomic():
        yield
    assert contents() == before


def contents() -> dict[str, list[tuple[Any, ...]]]:
    return {
        model.__name__: list(model._base_manager.order_by("pk").values_list())
        for model in (*KEPT, ActiveBlock, Address)
    }


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.mark.parametrize("model", FROZEN, ids=lambda model: model.__name__)
def test_no_column_of_history_can_be_changed(history: None, model: type[models.Model]) -> None:
    row = model._base_manager.order_by("-pk")[0]
    table = model._meta.db_table
    for name in columns(model):
        column = model._meta.get_field(name).column
        changed = {name: another(row, name)}
        with refused(match="neither changed nor deleted"):
            model._base_manager.filter(pk=row.pk).update(**changed)
        with refused(match="neither changed nor deleted"):
            sql(f'UPDATE {table} SET "{column}" = "{column}" WHERE id = %s', row.pk)
    fields = [f.name for f in model._meta.concrete_fields if not f.primary_key]
    with refused(match="neither changed nor deleted"):
        model._base_manager.bulk_update([row], fields)
    with refused(match="neither changed nor deleted"):
        row.save()
    with refused(match="neither changed nor deleted"):
        sql(f"UPDATE {table} SET id = id + 1000")
    with refused(match="neither changed nor deleted"):
        sql(
            f"INSERT INTO {table} ({quoted(model)}) SELECT {quoted(model)} FROM {table} WHERE true"
            " ON CONFLICT (id) DO UPDATE SET id = excluded.id"
        )


def quoted(model: type[models.Model]) -> str:
    return ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)


@pytest.mark.parametrize("model", KEPT, ids=lambda model: model.__name__)
def test_nothing_of_history_can_be_deleted(history: None, model: type[models.Model]) -> None:
    row = model._base_manager.order_by("-pk")[0]
    with refused(IntegrityError, ProtectedError):
        model._base_manager.all().delete()
    with refused(IntegrityError, ProtectedError):
        row.delete()
    with refused(match="deleted"):
        model._base_manager.all()._raw_delete("default")
    with refused(match="deleted"):
        sql(f"DELETE FROM {model._meta.db_table} WHERE id = %s", row.pk)


@pytest.mark.sqlite("REPLACE is its own")
@pytest.mark.parametrize("model", KEPT, ids=lambda model: model.__name__)
def test_history_cannot_be_replaced_either(history: None, model: type[models.Model]) -> None:
    """SQLite's REPLACE deletes the old row, by default without asking the triggers."""
    table = model._meta.db_table
    with refused():
        sql(f"REPLACE INTO {table} ({quoted(model)}) SELECT {quoted(model)} FROM {table}")


ACKNOWLEDGED = [
    *("id", "uid", "sender", "recipient", "amount", "promised_index", "idempotency_key"),
    "size",
    "submitted_at",
]
INCLUDED = [
    *("id", "block_id", "position", "index", "sender_id", "recipient_id", "amount"),
    "irregular",
]


@pytest.mark.parametrize("name", ACKNOWLEDGED)
def test_what_was_acknowledged_cannot_be_changed(history: None, name: str) -> None:
    for row in Transaction.objects.all():
        with refused(match="acknowledged cannot be changed"):
            Transaction.objects.filter(pk=row.pk).update(**{name: another(row, name)})
        if row.idempotency_key and name == "idempotency_key":
            with refused(match="acknowledged cannot be changed"):
                Transaction.objects.filter(pk=row.pk).update(idempotency_key=None)
    if name != "id":
        row = Transaction.objects.order_by("pk")[0]
        setattr(row, name, another(row, name))
        with refused(match="acknowledged cannot be changed"):
            Transaction.objects.bulk_update([row], [name])
        with refused(match="acknowledged cannot be changed"):
            row.save(update_fields=[name])


def test_where_a_transaction_stands_can_be_said_anew(history: None) -> None:
    row = Transaction.objects.order_by("pk")[0]
    Transaction.objects.filter(pk=row.pk).update(state="refused", reason="a reason")
    Transaction.objects.filter(pk=row.pk).update(state="pending", reason="")


@pytest.mark.parametrize("name", INCLUDED)
def test_what_a_block_includes_cannot_be_changed(history: None, name: str) -> None:
    for row in Inclusion.objects.all():
        if name == "irregular" and not row.irregular:
            continue  # a constraint has its own words about an amount that is irregular
        with refused(match="cannot be changed"):
            Inclusion.objects.filter(pk=row.pk).update(**{name: another(row, name)})
        setattr(row, name, another(row, name))
        if name != "id":
            with refused(match="cannot be changed"):
                Inclusion.objects.bulk_update([row], [name])


def test_an_inclusion_names_its_transaction_once(history: None) -> None:
    first, second = Transaction.objects.order_by("pk")[:2]
    entry = Inclusion.objects.filter(transaction__isnull=True, irregular="").order_by("-pk")[0]
    unnamed = Inclusion.objects.filter(pk=entry.pk)
    assert unnamed.update(transaction=second) == 1
    for value in (None, first, second):
        with refused(match="name its transaction once"):
            unnamed.update(transaction=value)
    named = Inclusion.objects.filter(transaction=first)
    with refused(match="name its transaction once"):
        named.update(transaction=second)
    with refused(match="name its transaction once"):
        named.update(amount=F("amount"))


@pytest.mark.parametrize("step", [0, -1, 2, 1000])
def test_the_tip_changes_one_version_at_a_time(history: None, step: int) -> None:
    with refused(match="one version at a time"):
        Tip.objects.update(version=F("version") + step)
    genesis = Block.objects.get(origin="genesis")
    with refused(match="one version at a time"):
        Tip.objects.update(block=genesis, index=1)
    assert Tip.objects.update(version=F("version") + 1) == 1


def test_every_change_of_the_chain_is_one_version(node: lifecycle.Node) -> None:
    def version() -> int:
        return Tip.objects.get().version

    assert version() == 1
    node.miner.mine().result(20)
    assert version() == 2
    submit(node, 5)
    assert version() == 2, "a transaction in the pool changes no chain"
    node.miner.mine().result(20)
    assert version() == 3
    adopt(node, length=6)
    assert version() == 4, "a reorganisation is one change, however many blocks it moves"
    assert lifecycle.verify().sound


def values_of(row: models.Model, **changes: Any) -> dict[str, Any]:
    """What it takes to make a row like this one."""
    values = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields}
    return values | {"id": None} | changes


def a_block(**changes: Any) -> Block:
    row = Block.objects.order_by("-index")[0]
    return Block(**values_of(row, hash="f" * 64, **changes))


def a_transaction(**changes: Any) -> Transaction:
    new = {"uid": "00000000-0000-4000-8000-000000000001", "idempotency_key": None, "entered": 99}
    return Transaction(**values_of(Transaction.objects.order_by("pk")[0], **new | changes))


def an_inclusion(**changes: Any) -> Inclusion:
    row = Inclusion.objects.filter(irregular="").order_by("pk")[0]
    return Inclusion(**values_of(row, position=99, transaction_id=None, **changes))


IMPOSSIBLE: dict[str, tuple[str, Callable[[], models.Model]]] = {
    "a second tip": ("tip_is_one_row", lambda: Tip(**values_of(Tip.objects.get(), id=2))),
    "a second first tip": (
        "ledger_tip.(id|pkey)",
        lambda: Tip(**values_of(Tip.objects.get(), id=1)),
    ),
    "a second identity": (
        "identity_is_one_row",
        lambda: NodeIdentity(**values_of(NodeIdentity.objects.get(), id=2)),
    ),
    "the identity again": (
        "ledger_nodeidentity.(id|pkey)",
        lambda: NodeIdentity(**values_of(NodeIdentity.objects.get(), id=1)),
    ),
    "a block 0": ("block_", lambda: a_block(index=0)),
    "an orphan": ("block_has_parent", lambda: a_block(parent_id=None)),
    "a genesis with a parent": ("block_has_parent", lambda: a_block(index=1)),
    "a block twice": (
        "ledger_block.hash",
        lambda: Block(**values_of(Block.objects.order_by("-index")[0])),
    ),
    "a block of no parent": ("(?i)foreign key", lambda: a_block(parent_id="e" * 64)),
    "two blocks at one index": (
        "ledger_activeblock.(index|pkey)",
        lambda: ActiveBlock(index=1, block=Block.objects.filter(active=None)[0]),
    ),
    "one block at two indexes": (
        "ledger_activeblock.block_id",
        lambda: ActiveBlock(index=99, block=Block.objects.filter(active__index=1)[0]),
    ),
    "a refusal without a reason": (
        "refused_with_reason",
        lambda: a_transaction(state="refused", reason=""),
    ),
    "a reason without a refusal": (
        "refused_with_reason",
        lambda: a_transaction(state="pending", reason="why"),
    ),
    "a state nobody knows": ("state_known", lambda: a_transaction(state="lost", reason="")),
    "a negative amount": ("amount_from_0", lambda: a_transaction(amount=-1)),
    "an id twice": (
        "ledger_transaction.uid",
        lambda: a_transaction(uid=Transaction.objects.order_by("pk")[0].uid),
    ),
    "a number twice": (
        "ledger_transaction.entered",
        lambda: a_transaction(entered=Transaction.objects.order_by("pk")[0].entered),
    ),
    "our own released": (
        "released_is_relayed",
        lambda: a_transaction(state="released", reason=""),
    ),
    "a key twice": ("idempotency_key", lambda: a_transaction(idempotency_key="k")),
    "an irregular amount": (
        "amount_unless_irregular",
        lambda: an_inclusion(irregular="why", amount=1),
    ),
    "a regular entry without amount": (
        "amount_unless_irregular",
        lambda: an_inclusion(irregular="", amount=None),
    ),
    "two entries in one place": (
        "position",
        lambda: Inclusion(**values_of(Inclusion.objects.order_by("pk")[0], transaction_id=None)),
    ),
    "a reorganisation of nothing": (
        "reorganisation_disconnects",
        lambda: Reorganisation(**values_of(Reorganisation.objects.get(), disconnected=0)),
    ),
    "a transaction reorganised twice at once": (
        "ledger_reorganisedtransaction|reorganised_once",
        lambda: ReorganisedTransaction(**values_of(ReorganisedTransaction.objects.all()[0])),
    ),
    "an address twice": ("ledger_address.name", lambda: Address(name="alice")),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_what_cannot_be_is_refused(history: None, what: str) -> None:
    constraint, make = IMPOSSIBLE[what]
    row = make()
    with refused(match=constraint):
        row.save(force_insert=True)


def totals(name: str) -> tuple[int, int, int, int]:
    row = Address.objects.get(name=name)
    return row.received, row.sent, row.balance, row.entries


class TestTotals:
    """Sums of 64-bit amounts do not fit 64 bits, nor a double's 53."""

    @pytest.fixture
    def whale(self, node: lifecycle.Node) -> lifecycle.Node:
        """Block 2 moves 2**63 - 1 to one address 40 times, and 2**63 - 2 on from there 3 times."""
        hoard = [
            {"sender": f"s{n % 2}", "recipient": "whale", "amount": LARGEST} for n in range(40)
        ]
        spent = [{"sender": "whale", "recipient": "t", "amount": LARGEST - 1}] * 3
        odd = [{"sender": "s0", "recipient": "whale", "amount": 2**63}]
        own = [{"sender": "whale", "recipient": "whale", "amount": 11}]
        adopt(node, [], hoard + spent + odd + own, length=3)
        return node

    def test_they_are_exact_beyond_64_bits(self, whale: lifecycle.Node) -> None:
        received, sent = 40 * LARGEST + 11, 3 * (LARGEST - 1) + 11
        assert received > 2**68
        assert totals("whale") == (received, sent, received - sent, 40 + 3 + 1 + 1)
        assert totals("s0") == (0, 20 * LARGEST, -20 * LARGEST, 21)
        assert totals("t") == (3 * (LARGEST - 1), 0, 3 * (LARGEST - 1), 3)
        assert lifecycle.verify().sound

    def test_a_reorganisation_takes_them_back_exactly(self, whale: lifecycle.Node) -> None:
        adopt(whale, [], [{"sender": "s0", "recipient": "whale", "amount": 1}], length=4)
        assert totals("whale") == (1, 0, 1, 1)
        assert totals("s0") == (0, 1, -1, 1)
        assert totals("s1") == totals("t") == (0, 0, 0, 0)
        assert lifecycle.verify().sound


def test_events_are_numbered_without_a_gap(history: None) -> None:
    numbers = list(Event.objects.order_by("pk").values_list("pk", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))
