"""Many stored blocks judged at once: the verdict is that of the rules, one block at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.consensus import (
    DEFAULT_CAPS,
    Caps,
    Network,
    Place,
    Refused,
    check_successor,
    hash_of,
    read_text,
)
from ledger.consensus.lines import follow

from .chains import DIALECTS, EASY, PYTHON_DIALECTS, each_python_dialect, make_chain
from .test_regular import contents, edited, edits

HARD = {name: Network(network.dialect, 1) for name, network in EASY.items()}
times = st.sampled_from([1.5, 1.0, 7, 1700000000.25, 0.1, 1e-7, 1e16, -1.5, float("inf")])


def one_by_one(
    parent: Place, texts: list[str], hashes: list[str], network: Network, caps: Caps = DEFAULT_CAPS
) -> Place | None:
    """Where the last one stands, by the general rules; None if one breaks them."""
    try:
        for text, digest in zip(texts, hashes, strict=True):
            block = read_text(text.encode("utf-8", "surrogatepass"), network, caps)
            if block.canonical != text or block.hash != digest:
                return None
            check_successor(parent, block, network)
            parent = Place.of(block)
    except (Refused, ValueError):
        return None
    return parent


def together(
    parent: Place, texts: list[str], hashes: list[str], network: Network, caps: Caps = DEFAULT_CAPS
) -> Place | None:
    text = "\n".join(texts).encode("utf-8", "surrogatepass")
    return follow(parent, text, hashes, network, caps)


def stored(network: Network, length: int, contents: Any) -> tuple[Place, list[str], list[str]]:
    """A genesis' place, and the texts and hashes of the blocks behind it."""
    texts = [network.canonical(block) for block in make_chain(network, length, contents)]
    first, *rest = texts
    genesis = read_text(first.encode(), network)
    return Place.of(genesis), rest, [hash_of(text) for text in rest]


@settings(max_examples=80, deadline=None, database=None)
@given(contents, edits, st.integers(0, 10**6), st.booleans(), st.sampled_from(DIALECTS))
def test_what_it_accepts_the_rules_accept(
    inside: Any, places: Any, which: int, is_hashed_anew: bool, dialect: Any
) -> None:
    network = EASY[dialect.name]
    parent, texts, hashes = stored(network, len(inside) + 3, [[], *inside])
    at = which % len(texts)
    texts[at] = edited(texts[at], places)
    if is_hashed_anew:
        hashes[at] = hash_of(texts[at])
    found = together(parent, texts, hashes, network)
    assert found in (None, one_by_one(parent, texts, hashes, network))
    # Of the others it is told with as much certainty when each is by itself.
    for text, digest, before in zip(texts, hashes, [parent.hash, *hashes], strict=False):
        place = Place(parent.index, parent.proof, before)
        alone = together(place, [text], [digest], network)
        assert alone in (None, one_by_one(place, [text], [digest], network))


plain = st.lists(
    st.lists(
        st.fixed_dictionaries(
            {
                "sender": st.from_regex("[ !#-Z^-~]{0,32}", fullmatch=True),
                "recipient": st.from_regex("[A-Za-z .,:{}-]{1,32}", fullmatch=True),
                "amount": st.integers(-(10**17), 10**17),
            }
        ),
        max_size=3,
    ),
    max_size=5,
)


@settings(max_examples=30, deadline=None, database=None)
@given(plain, st.sampled_from(PYTHON_DIALECTS))
def test_regular_blocks_are_accepted(inside: Any, dialect: Any) -> None:
    network = HARD[dialect.name]
    parent, texts, hashes = stored(network, len(inside) + 2, [[], *inside])
    found = together(parent, texts, hashes, network)
    assert found is not None
    assert found == one_by_one(parent, texts, hashes, network)


@settings(max_examples=40, deadline=None, database=None)
@given(times, st.integers(-3, 10**19), st.sampled_from(PYTHON_DIALECTS))
def test_numbers_written_in_any_way_are_accepted_where_they_are_canonical(
    time: Any, proof: int, dialect: Any
) -> None:
    network = EASY[dialect.name]
    parent, (text,), _ = stored(network, 2, [])
    for value in (json.loads(text) | {"timestamp": time}, json.loads(text) | {"proof": proof}):
        text = network.canonical(value)
        for written in (text, text.replace(".0,", ","), text.replace(".5", ".50")):
            hashes = [hash_of(written)]
            found = together(parent, [written], hashes, network)
            assert found in (None, one_by_one(parent, [written], hashes, network))
    ordinary = network.canonical(json.loads(text) | {"timestamp": 1700000000, "proof": 5})
    assert together(parent, [ordinary], [hash_of(ordinary)], network)


@each_python_dialect
def test_each_rule_is_looked_at(dialect: Any) -> None:
    network = HARD[dialect.name]
    parent, texts, hashes = stored(network, 6, [])
    assert together(parent, texts, hashes, network) == Place(
        6, json.loads(texts[-1])["proof"], hashes[-1]
    )
    for key, wrong in (("index", 9), ("previous_hash", "0" * 64), ("proof", 10**9 + 7)):
        for at in range(len(texts)):
            value = network.canonical(json.loads(texts[at]) | {key: wrong})
            spoiled, named = [*texts], [*hashes]
            spoiled[at], named[at] = value, hash_of(value)
            for some in (slice(0, at + 1), slice(0, None)):
                found = together(parent, spoiled[some], named[some], network)
                assert found == one_by_one(parent, spoiled[some], named[some], network)
                if key != "proof":
                    assert found is None
    for wrong_hashes in ([*hashes[:-1], "0" * 64], hashes[:-1], [*hashes, hashes[-1]]):
        assert together(parent, texts, wrong_hashes, network) is None
    for stranger in (replace(parent, index=2), replace(parent, hash="0" * 64)):
        assert together(stranger, texts, hashes, network) is None
    assert together(parent, [*texts[:2], ""], [*hashes[:2], hash_of("")], network) is None
    assert together(parent, ["\n".join(texts)], hashes, network), "a line feed is no part of a text"


@each_python_dialect
def test_no_proof_is_passed_over(dialect: Any) -> None:
    """Though of those that come again only the first is looked at."""
    network = Network(dialect, 2)
    parent, texts, hashes = stored(EASY[dialect.name], 40, [])
    proofs = [100, *(json.loads(text)["proof"] for text in texts)]
    holding = [
        network.proof_holds(last, proof, digest)
        for (last, proof), digest in zip(pairwise(proofs), [parent.hash, *hashes], strict=False)
    ]
    assert not all(holding)
    assert together(parent, texts, hashes, network) is None


@pytest.mark.parametrize("caps", [Caps(digits=17), Caps(depth=2), Caps(block_bytes=200)])
def test_caps_mean_the_same(caps: Caps) -> None:
    network = EASY["seed"]
    parent, texts, hashes = stored(network, 3, [])
    assert together(parent, texts, hashes, network, caps) is None
    if caps.block_bytes == 200:
        assert one_by_one(parent, texts, hashes, network, caps) is None


def test_the_javascript_dialect_is_looked_at_closely() -> None:
    parent, texts, hashes = stored(EASY["js"], 3, [])
    assert together(parent, texts, hashes, EASY["js"]) is None
    assert one_by_one(parent, texts, hashes, EASY["js"])
