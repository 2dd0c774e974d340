"""Words on which network a chain seems to belong to, and nothing but words."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from ledger.consensus import (
    DVF,
    JS,
    SEED,
    ChainBody,
    Dialect,
    Network,
    Reason,
    hash_of,
)
from ledger.consensus.recognition import describe_network, recognise

from .chains import (
    DIALECTS,
    body_of,
    each_dialect,
    make_block,
    make_chain,
    recorded,
    refusal,
)


def first_texts(body: bytes, count: int = 4) -> list[str]:
    return [piece.text for piece in islice(ChainBody([body], SEED.decoder), count)]


@each_dialect
@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_a_recorded_chain_is_recognised(dialect: Dialect, count: int) -> None:
    guesses = recognise(first_texts(recorded(dialect.name), count))
    assert [guess.dialect for guess in guesses] == [dialect]
    assert guesses[0].difficulty is not None and guesses[0].difficulty >= 4


def test_a_genesis_alone_can_fit_two_dialects() -> None:
    def names(dialect: Dialect) -> list[str]:
        genesis = make_block(Network(dialect), genesis=True)
        guesses = recognise([json.dumps(genesis)])
        assert all(guess.difficulty is None for guess in guesses)
        return [guess.dialect.name for guess in guesses]

    assert names(SEED) == ["seed"]
    assert names(DVF) == names(JS) == ["dvf", "js"]


def test_two_dialects_that_fit_are_both_named() -> None:
    genesis = json.dumps(make_block(Network(DVF), genesis=True))
    assert describe_network([genesis], Network(SEED)) == (
        "speaks dvf or js; this node speaks seed, difficulty 4: chains cannot merge"
    )


@each_dialect
@pytest.mark.parametrize("texts", [[], [""], ["{"], ["{}"], ["1"], ["[" * 100_000], ["1" * 5000]])
def test_nothing_is_made_of_what_is_no_chain(dialect: Dialect, texts: list[str]) -> None:
    assert recognise(texts) == []
    assert describe_network(texts, Network(dialect)) == ""


@pytest.mark.parametrize("spoken", DIALECTS, ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("own", DIALECTS, ids=lambda dialect: dialect.name)
def test_an_easier_network_is_told_by_its_difficulty(spoken: Dialect, own: Dialect) -> None:
    """Long enough that a proof which meets another rule by luck does not last."""
    body = body_of(make_chain(Network(spoken, 2), 12))
    refused = refusal(body, Network(own, 6))
    assert refused.network.startswith(f"speaks {spoken.name}, difficulty 2; this node speaks")


@each_dialect
def test_a_chain_of_ours_with_a_fault_is_not_called_another_network(dialect: Dialect) -> None:
    network = Network(dialect, 3)
    good = list(make_chain(network, 6))
    for faulty in range(6):
        for change in ({"proof": 1}, {"index": 99}, {"previous_hash": "ab"}, {"timestamp": None}):
            chain = [*good[:faulty], good[faulty] | change, *good[faulty + 1 :]]
            refused = refusal(body_of(chain), network)
            assert refused.network == "" or "difficulty 1" in refused.network  # 1 in 16, by luck


def test_a_seed_chain_with_the_texts_literal_is_known_by_its_proofs() -> None:
    """The seed takes "1" as well; then only the proofs tell it from dvf."""
    network = Network(SEED, 3)
    genesis = make_block(network, genesis=True, previous_hash="1")
    proof = 0
    while not network.proof_holds(100, proof, ""):
        proof += 1
    second = make_block(network, proof=proof, previous_hash=hash_of(network.canonical(genesis)))
    refused = refusal(body_of([genesis, second, second]), network)
    assert (refused.reason, refused.network) == (Reason.WRONG_INDEX, "")
    refused = refusal(body_of([genesis, second]), Network(DVF, 3))
    assert refused.network.startswith("speaks seed, difficulty 3")


@each_dialect
def test_words_are_all_a_guess_is_good_for(dialect: Dialect) -> None:
    """A refused chain stays refused, whatever it seems to be, and no more of it is read."""
    body = body_of([{"index": 0}, *make_chain(Network(dialect, 0), 9)])
    pieces = [body[at : at + 50] for at in range(0, len(body), 50)]
    left = iter(pieces)
    refused = refusal(left, Network(dialect, 0))
    assert (refused.reason, refused.index, refused.network) == (Reason.MISSING_KEY, 1, "")
    assert len(list(left)) > len(pieces) // 3


def test_a_guess_costs_no_memory() -> None:
    """Large first blocks are not kept for it."""
    network = Network(SEED, 0)
    chain = list(make_chain(network, 3, [[{"sender": "x" * 300_000}]]))
    refused = refusal(body_of(chain), Network(DVF, 0))
    assert (refused.reason, refused.network) == (Reason.BAD_GENESIS, "")
