"""Chains that real nodes served, as they served them: see tests/vectors/README.md."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.consensus import DIALECTS, ChainBody, Network, hash_of
from ledger.models import ActiveBlock, Address, Block, Inclusion, Reorganisation
from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from tests.conftest import VECTOR_TIPS, VECTORS

from .conftest import Asking
from .old_node import RecordedNode

RECORDED = {name: (VECTORS / f"{name}-a.json").read_bytes() for name in DIALECTS}
MINER = {
    "seed": "83ce6ded56b740609ca0a3f940278dbd",
    "dvf": "f661e7739e7d45df8c00a68b51f84949",
    "js": "93dfa8c0e05544859495bc5f78022ab1",
}
PAIRS = [(own, other) for own in DIALECTS for other in DIALECTS if own != other]

# Name to received, sent and entries: what the recorded transactions say, counted by hand. The
# irregular ones are entries of the names they have, and move nothing.
TOTALS = {
    "alice": (0, 5, 1),
    "bob": (5, 0, 1),
    "앨리스": (0, 12, 1),
    "밥": (12, 0, 1),
    "0": (0, 8, 8),
    "carol": (0, 0, 1),
    'dave "quoted" \\ back / slash': (0, 0, 1),
    "<script>alert(1)</script>": (0, 0, 1),
    "emoji 🚀": (0, 0, 1),
    "neg": (0, 0, 1),
    "exp": (0, 0, 1),
    "big": (0, 0, 1),
    "x": (0, 0, 3),
}
IRREGULAR = {
    (3, 0): "amount must be an integer",
    (3, 1): "recipient must not contain a control character (U+0009)",
    (4, 0): "recipient must not contain a control character (U+0000)",
    (4, 1): "amount must not be negative",
    (5, 0): "amount must be an integer",
    (5, 1): "amount must be an integer",
    (6, 0): "sender must not be empty",
}

each_dialect = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture
def conf(tmp_path: Path, request: pytest.FixtureRequest) -> NodeConf:
    """A node of the test's dialect, at the difficulty at which the chains were recorded."""
    dialect = request.node.callspec.params["dialect"]
    return replace(
        NodeConf.from_settings(), data=tmp_path, dialect=dialect, difficulty=4, peer_deadline=3.0
    )


def texts(body: bytes, network: Network) -> list[str]:
    """Each block's canonical text, by the network's rules."""
    return [network.canonical(p.value) for p in ChainBody([body], network.dialect.decoder)]


async def adopt(asking: Asking, dialect: str) -> Any:
    """Have the node ask a peer that serves the recorded chain of that dialect."""
    with RecordedNode(RECORDED[dialect]) as peer:
        await asking.register(peer.address)
        return await asking.resolve(), await asking.peer(peer.address)


@each_dialect
async def test_a_node_of_its_dialect_adopts_it(asking: Asking, dialect: str) -> None:
    answer, peer = await adopt(asking, dialect)
    assert answer["message"] == "Our chain was replaced"
    assert len(answer["new_chain"]) == 9
    assert (peer.length, peer.failure) == (9, "")
    tip = await asking.read(lambda: Block.objects.get(active__index=9))
    assert (tip.hash, tip.origin, tip.source) == (VECTOR_TIPS[dialect], "peer", peer.address)
    assert await asking.is_sound()


@each_dialect
async def test_it_is_served_again_character_for_character(asking: Asking, dialect: str) -> None:
    await adopt(asking, dialect)
    body = await asking.chain()
    network = lifecycle.current().identity.network
    recorded = texts(RECORDED[dialect], network)
    assert texts(body, network) == recorded
    assert body.decode() == '{"chain": [' + ", ".join(recorded) + '], "length": 9}'
    assert hash_of(recorded[-1]) == VECTOR_TIPS[dialect]
    stored = await asking.read(
        lambda: list(ActiveBlock.objects.order_by("pk").values_list("block__hash", flat=True))
    )
    assert [hash_of(text) for text in recorded] == stored
    if dialect != "js":
        # In the Python dialects a number that is read is the number that is written.
        assert json.loads(body)["chain"] == json.loads(RECORDED[dialect])["chain"]


@each_dialect
async def test_irregular_transactions_are_marked_and_move_nothing(
    asking: Asking, dialect: str
) -> None:
    await adopt(asking, dialect)
    marked = await asking.read(
        lambda: {
            (row.index, row.position): row.irregular
            for row in Inclusion.objects.filter(block__active__isnull=False)
            if row.irregular
        }
    )
    assert marked == IRREGULAR
    rows = await asking.read(
        lambda: {
            row.name: (row.received, row.sent, row.entries)
            for row in Address.objects.filter(entries__gt=0)
        }
    )
    assert rows == TOTALS | {MINER[dialect]: (8, 0, 8)}
    report = await asking.read(lifecycle.verify)
    assert (report.sound, report.blocks, report.irregular, report.supply) == (True, 9, 7, 8)


@each_dialect
async def test_what_it_replaced_is_kept_and_it_stays_put(asking: Asking, dialect: str) -> None:
    mined = await asking.mine()
    await adopt(asking, dialect)
    again, peer = await adopt(asking, dialect)
    assert again["message"] == "Our chain is authoritative", "of equals, ours stays"
    assert again["chain"] == json.loads(await asking.chain())["chain"]
    assert peer.failure == ""
    change = await asking.read(Reorganisation.objects.get)
    assert (change.fork_index, change.disconnected, change.connected) == (0, 2, 9)
    stale = await asking.read(lambda: Block.objects.get(active__isnull=True, index=2))
    assert stale.parent_id == mined["previous_hash"]


@pytest.mark.parametrize(("dialect", "other"), PAIRS)
async def test_nodes_of_other_dialects_refuse_it_and_say_what_it_speaks(
    asking: Asking, dialect: str, other: str
) -> None:
    before = await asking.chain()
    answer, peer = await adopt(asking, other)
    assert answer["message"] == "Our chain is authoritative"
    assert await asking.chain() == before
    assert await asking.read(Block.objects.count) == 1
    assert f"speaks {other}, difficulty 4; this node speaks {dialect}, difficulty 4" in peer.failure
    assert "chains cannot merge" in peer.failure


@each_dialect
async def test_a_node_can_go_on_from_it(asking: Asking, dialect: str) -> None:
    await adopt(asking, dialect)
    await asking.submit(sender="alice", recipient="bob", amount=7)
    mined = await asking.mine()
    assert (mined["index"], mined["previous_hash"]) == (10, VECTOR_TIPS[dialect])
    alice = await asking.read(lambda: Address.objects.get(name="alice"))
    assert (alice.received, alice.sent, alice.entries) == (0, 12, 2)
    assert await asking.is_sound()
