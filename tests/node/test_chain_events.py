"""What events of the chain say of our transactions: each block its own, and how many there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledger.models import Event
from ledger.node import events, lifecycle
from ledger.node.conf import NodeConf
from ledger.node.mempool import Submission

from . import chains


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def submit(node: lifecycle.Node, *contents: tuple[str, str, int]) -> list[str]:
    futures = [node.writer.submit_batched(node.door.accept, Submission(*c)) for c in contents]
    return [str(future.result().uid) for future in futures]


def adopt(node: lifecycle.Node, texts: Sequence[str]) -> None:
    assert chains.adopt(texts, node.writer, node.identity.network)


def grown(node: lifecycle.Node, *contents: Sequence[chains.Entry]) -> list[str]:
    return chains.grow(chains.active_texts(), contents, 2e9, node.identity.network)


def payloads(kind: str) -> list[dict[str, object]]:
    rows = Event.objects.filter(kind=kind).order_by("pk")
    return [json.loads(row.payload) for row in rows]


def test_of_several_blocks_at_once_each_names_what_it_confirms(node: lifecycle.Node) -> None:
    first, second, third, waits = submit(
        node, ("a", "b", 1), ("a", "b", 2), ("a", "b", 3), ("a", "b", 4)
    )
    entries = [{"sender": "a", "recipient": "b", "amount": n} for n in (1, 2, 3)]
    adopt(node, grown(node, [entries[0]], [], [entries[1], entries[2]]))

    told = {block["index"]: block["confirmed"] for block in payloads(events.BLOCK)}
    assert told == {2: [first], 3: [], 4: [second, third]}
    assert waits not in str(told)


def test_a_branch_that_comes_back_names_them_again(node: lifecycle.Node) -> None:
    """Its inclusions knew our transactions before."""
    (uid,) = submit(node, ("a", "b", 1))
    genesis = chains.active_texts()
    chains.seal(node.identity.identifier, node.writer, node.identity.network)
    ours = grown(node, [], [])
    adopt(node, chains.grow(genesis, [[], []], 3e9, node.identity.network))
    adopt(node, ours)

    left, back = payloads(events.REORGANISED)
    assert (left["returned"], left["confirmed"]) == ([uid], [])
    assert (back["returned"], back["confirmed"]) == ([], [uid])


def test_a_reorganisation_counts_what_it_returned_beyond_those_it_names(
    node: lifecycle.Node,
) -> None:
    genesis = chains.active_texts()
    uids = submit(node, *((f"s{n}", "r", n) for n in range(501)))
    chains.seal(node.identity.identifier, node.writer, node.identity.network)
    adopt(node, chains.grow(genesis, [[], []], 3e9, node.identity.network))

    (told,) = payloads(events.REORGANISED)
    assert told["returned"] == uids[:500]
    assert told["returned_count"] == 501
