"""What is stored of blocks, many at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.consensus import SEED, Block, Network, read_text
from ledger.consensus.regular import RegularTransactions, read_none
from ledger.models import Address, Inclusion
from ledger.node import blockstore, identity
from ledger.node.blockstore import AddressIds, Prepared

from .chains import NETWORK, active_texts, grow, reward

GENERAL = Network(replace(SEED, read_regular=read_none), 1)

names = st.sampled_from(["0", "", "a", "b c", "x" * 256, "x" * 257, "1", "-", "00"])
transactions = st.lists(
    st.fixed_dictionaries(
        {
            "sender": names,
            "recipient": names,
            "amount": st.sampled_from([0, 1, 2, -1, 10**18 - 1, -(10**17)]),
        }
    ),
    max_size=4,
)


def columns(block: Block) -> list[object]:
    one = Prepared([block])
    contents = zip(one.senders, one.recipients, one.amounts, one.irregular, strict=True)
    return [*contents, one.counts, one.irregular_counts]


@settings(max_examples=200, deadline=None, database=None)
@given(transactions)
def test_of_a_regular_block_the_same_is_stored_as_of_any(values: Any) -> None:
    text = json.dumps(
        {"index": 2, "timestamp": 1.5, "proof": 1, "previous_hash": "a", "transactions": values},
        sort_keys=True,
    ).encode()
    ours, general = read_text(text, NETWORK), read_text(text, GENERAL)
    assert isinstance(ours.transactions, RegularTransactions)
    assert isinstance(general.transactions, list)
    assert columns(ours) == columns(general)
    contents = blockstore.contents_of(ours)
    assert contents == blockstore.contents_of(general)
    assert blockstore.columns_of(ours, contents) == blockstore.columns_of(general, contents)


def test_of_many_blocks_each_entry_is_where_it_belongs(ledger_db: Path) -> None:
    identity.create(NETWORK)
    contents = [
        [
            *(
                {"sender": f"s{n % 7}", "recipient": f"r{n % 11}", "amount": n}
                for _ in range(n % 5)
            ),
            {"sender": "odd", "recipient": "", "amount": n},
            reward("me"),
        ]
        for n in range(150)
    ]
    texts = grow(active_texts(), contents, 5.0)[1:]
    blocks = [read_text(text.encode(), NETWORK) for text in texts]
    addresses = AddressIds()
    for some in (blocks[:60], blocks[40:100], blocks[100:], blocks[:150], []):
        blockstore.store_prepared(Prepared(some), addresses, "peer", "there")
    rows = Inclusion.objects.order_by("block__index", "position").values_list(
        "block__hash", "index", "position", "sender__name", "recipient__name", "amount"
    )
    assert list(rows) == [
        (
            block.hash,
            block.index,
            position,
            value["sender"],
            value["recipient"] or None,
            value["amount"] if value["recipient"] else None,
        )
        for block in blocks
        for position, value in enumerate(block.transactions)
    ]


def test_more_names_than_are_remembered_are_found_all_the_same(
    ledger_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blockstore, "_NAMES", 3)
    addresses = AddressIds()
    for some in ({"a", "b", "c", "d"}, {"a", "e", None}, {"b", "e", "f"}):
        addresses.find(some)
        assert {name: addresses.get(name) for name in some} == {
            name: name and Address.objects.get(name=name).pk for name in some
        }
    assert Address.objects.count() == 6
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(DISTINCT id) FROM ledger_address")
        assert cursor.fetchone() == (6,)
