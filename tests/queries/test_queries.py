"""What the pages ask the database, where an answer is easy to get wrong."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace

import pytest
from django.db import connection

from ledger.models import Block, Inclusion
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.queries import addresses, blocks, search, transactions
from tests.node import chains
from tests.pages.forked import outgrow, submit


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def paid(sender: str, recipient: str, amount: int) -> dict[str, object]:
    return {"sender": sender, "recipient": recipient, "amount": amount}


@pytest.mark.parametrize(("tip", "limit"), list(itertools.product((1, 2, 7, 12), (1, 3, 7))))
def test_pages_of_blocks_meet_without_gap_or_overlap(
    node: lifecycle.Node, tip: int, limit: int
) -> None:
    if tip > 1:
        outgrow(node, 1, [[]] * (tip - 1))
    seen: list[int] = []
    page = blocks.page(limit=limit)
    while True:
        seen += [block.index for block in page.blocks]
        if page.older is None:
            break
        page = blocks.page(below=page.older, limit=limit)
    assert seen == list(range(tip, 0, -1))
    while page.newer is not None:
        above = page.newer
        page = blocks.page(above=above, limit=limit)
        assert page.blocks[-1].index == above + 1


def test_lists_leave_the_texts_of_blocks_where_they_are(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[paid("a", "b", 1)]] * 3)
    found = blocks.page()
    assert all("canonical" in block.get_deferred_fields() for block in found.blocks)
    address = addresses.find("b")
    assert address
    for movement in addresses.history(address).movements:
        assert "canonical" in movement.inclusion.block.get_deferred_fields()


def test_a_moment_is_found_among_timestamps_that_say_nothing(node: lifecycle.Node) -> None:
    network = node.identity.network
    chain = [chains.genesis(10.0, network)]
    for at in (20.0, float("nan"), 40.0, 50.0):
        chain = chains.grow(chain, [[]], at, network)
    assert chains.adopt(chain, node.writer, network)
    at = {moment: blocks.at_time(moment) for moment in (5, 10, 25, 45, 99)}
    assert [block and block.index for block in at.values()] == [None, 1, 2, 4, 5]


def test_a_history_longer_than_a_chunk_has_every_active_entry_once(node: lifecycle.Node) -> None:
    both = [paid("a", "me", 2), paid("me", "b", 1), paid("me", "me", 5)]
    outgrow(node, 1, [both * 30] * 4)
    outgrow(node, 3, [both * 30] * 3)  # two of the four are stale now
    me = addresses.find("me")
    assert me and me.entries == 5 * 90
    seen, behind = [], None
    while True:
        found = addresses.history(me, behind=behind, limit=110)
        seen += [movement.place for movement in found.movements]
        last = found.movements[-1]
        if found.older is None:
            break
        behind = (*last.place, last.balance - last.change)
    assert len(seen) == len(set(seen)) == 450
    assert seen == sorted(seen, reverse=True)
    assert last.balance - last.change == 0


def test_histories_and_the_pool_are_read_through_their_indexes(node: lifecycle.Node) -> None:
    address = addresses.Address(pk=1)
    wanted = {
        "inclusion_sender": Inclusion.objects.filter(sender=address).order_by(
            "-index", "-position"
        ),
        "transaction_pool": transactions.Transaction.objects.filter(
            state__in=["pending", "returned"], pk__gt=5
        ).order_by("pk"),
    }
    if connection.vendor == "postgresql":  # which reads all of a small table, and sorts it
        with connection.cursor() as cursor:
            for way in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET enable_{way} = off")
    for index, rows in wanted.items():
        plan = rows.explain()
        assert re.search(f"{index}|PRIMARY KEY|_pkey", plan), plan
        assert not re.search("TEMP B-TREE|Sort", plan), plan


def test_values_are_read_as_their_network_reads_them(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[*chains.IRREGULAR]])
    block = Block.objects.get(index=2)
    values = blocks.transactions(block, node.identity.network)
    rows = blocks.entries(block, values)
    assert [row.inclusion.irregular != "" for row in rows] == [True] * len(chains.IRREGULAR)
    assert node.identity.network.canonical(values) in block.canonical
    assert json.loads(block.canonical)["index"] == 2


@pytest.mark.parametrize(
    ("typed", "plain"),
    [
        (" #12 ", "12"),
        ("1,234", "1234"),
        ("1,23", "1,23"),
        ("https://h/address/a%2Fb", "a/b"),
        ("https://h/address?name=..", ".."),
        ("https://h/tx/" + "a" * 64 + "/3", "a" * 64),
        ("https://h/blocks", "blocks"),
        ("http://[", ""),
        ("a\0b", "ab"),
    ],
)
def test_what_was_typed_or_pasted_is_taken_for_what_it_names(typed: str, plain: str) -> None:
    assert search._plain(typed) == plain


def test_what_waits_for_an_address_comes_oldest_first(node: lifecycle.Node) -> None:
    sent = [submit(node, "a", name, 1) for name in ("me", "you", "me")]
    assert [row.uid for row in addresses.pending("me")] == [sent[0], sent[2]]
