"""All that is wrong with a block: no less than the rules find, and nothing that they do not."""

from __future__ import annotations

import json
import random

import pytest

from ledger.consensus import DIALECTS, Network, Place, Refused, check_successor, read_text
from ledger.consensus.examination import examine, place_faults

from .test_mutations import BODIES, mutated

NETWORKS = [Network(dialect, 4) for dialect in DIALECTS.values()]
GOOD = {"index": 2, "timestamp": 1.5, "transactions": [], "proof": 1, "previous_hash": "a"}


def reasons(text: bytes, network: Network = NETWORKS[0]) -> list[str]:
    return [str(fault.reason) for fault in examine(text, network).faults]


def test_a_block_that_is_one_has_no_fault_and_the_hash_of_the_rules() -> None:
    text = json.dumps(GOOD).encode()
    found = examine(text, NETWORKS[0])
    assert (found.faults, found.block) == ((), read_text(text, NETWORKS[0]))


def test_every_key_is_judged_by_itself() -> None:
    bad = {"index": "2", "timestamp": None, "transactions": {}, "proof": 1.5}
    assert reasons(json.dumps(bad).encode()) == [
        *("missing-key", "bad-index", "bad-timestamp", "bad-proof", "bad-transactions")
    ]
    many = {**GOOD, "transactions": [1, {}, "x"], "proof": -1}
    assert reasons(json.dumps(many).encode()) == ["bad-proof", *["bad-transactions"] * 2]


def test_caps_and_repeated_keys_are_found_beside_what_is_missing() -> None:
    deep = '{"index": 2, "index": 3, "a": ' + "[" * 40 + "]" * 40 + "}"
    assert reasons(deep.encode())[-1] == "too-deep"
    twice = '{"index": 2, "index": 3}'
    assert reasons(twice.encode()) == [*["missing-key"] * 4, "duplicate-key"]


def test_in_its_place_every_rule_is_judged_too() -> None:
    block = examine(json.dumps(GOOD).encode(), NETWORKS[0]).block
    assert block is not None
    told = place_faults(block, Place(7, 1, "b"), NETWORKS[0])
    assert [str(fault.reason) for fault in told] == [
        *("wrong-index", "wrong-previous-hash", "insufficient-proof")
    ]
    told = place_faults(block, None, NETWORKS[0])
    assert [str(fault.reason) for fault in told] == ["wrong-index", "bad-genesis", "bad-genesis"]
    with pytest.raises(Refused) as refused:
        check_successor(Place(7, 1, "b"), block, NETWORKS[0])
    assert refused.value.reason == "wrong-index"


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.dialect.name)
def test_the_verdict_is_always_that_of_the_rules(network: Network) -> None:
    """Blocks out of recorded chains, spoiled at random: refused by both, or by neither."""
    dice = random.Random(7)
    refused = 0
    for _ in range(1500):
        body = dice.choice(BODIES)
        start = body.index(b"{", 1)
        text = mutated(body[start : body.index(b"},{", start) + 1], dice)
        found = examine(text, network)
        try:
            block = read_text(text, network)
        except Refused as error:
            refused += 1
            # What is decoded on the way may be told in another order; the first is among them.
            assert error.reason in {fault.reason for fault in found.faults}, text
        else:
            assert (found.faults, found.block) == ((), block), text
    assert 300 < refused < 1500
