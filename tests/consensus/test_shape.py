"""Texts put together from what blocks say: what is plain is read back as just that."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.consensus import DVF, JS, SEED, Dialect, Network
from ledger.consensus.chain_reader import read_text
from ledger.consensus.shape import PYTHON, is_plain_number, is_plain_time

NAMES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        ['x"}, {"amount": 1, "recipient": "y", "sender": "z', "\\u0041", "a\\", '"', "]"]
    ),
)
ENTRIES = st.lists(st.tuples(st.integers(0, 2**63 - 1), NAMES, NAMES), max_size=3)
TIMES = st.floats() | st.integers()
PROOFS = st.one_of(
    st.integers(0, 10**20).map(str), st.sampled_from(["", "01", "1 ", "²", "-1", "x"])
)


@given(index=st.integers(1, 10**12), last=NAMES, proof=PROOFS, time=TIMES, entries=ENTRIES)
def test_a_plain_text_is_canonical_and_says_what_it_was_made_of(
    index: int, last: str, proof: str, time: Any, entries: list[tuple[int, str, str]]
) -> None:
    texts = PYTHON.between.join(PYTHON.text_of_entry(*entry) for entry in entries)
    text = PYTHON.text_of(index, last, proof, time, texts)
    if not (
        PYTHON.is_plain(text, [len(entries)]) and is_plain_number(proof) and is_plain_time(time)
    ):
        return
    block = read_text(text.encode(), Network(SEED))
    assert (block.canonical, block.index, block.previous_hash) == (text, index, last)
    assert (str(block.proof), block.timestamp) == (proof, time)
    assert list(block.transactions) == [
        {"amount": amount, "recipient": recipient, "sender": sender}
        for amount, recipient, sender in entries
    ]


def test_most_blocks_are_plain() -> None:
    text = PYTHON.text_of(2, "ab", "35293", 1.5, PYTHON.text_of_entry(1, "bob", "0"))
    assert PYTHON.is_plain(text, [1])
    assert PYTHON.is_plain(text + text, [1, 1])
    assert not PYTHON.is_plain(text, [2])


@pytest.mark.parametrize("name", ['a"', "a\\", "a\n", "a\x7f", "é"])
def test_a_name_that_is_escaped_is_not_plain(name: str) -> None:
    text = PYTHON.text_of(2, "ab", "35293", 1.5, PYTHON.text_of_entry(1, name, "0"))
    assert not PYTHON.is_plain(text, [1])


@pytest.mark.parametrize("dialect", [SEED, DVF, JS], ids=lambda dialect: str(dialect.name))
def test_proofs_hold_one_by_one_and_together(dialect: Dialect) -> None:
    network = Network(dialect, 1)
    proofs, hashes = ["100"], ["a", "b", "c"]
    for last_hash in hashes:
        last = int(proofs[-1])
        proof = next(n for n in range(10**6) if network.proof_holds(last, n, last_hash))
        assert network.written_proof_holds(str(last), str(proof), last_hash)
        proofs.append(str(proof))
    assert network.written_proofs_hold(proofs, hashes)
    assert not network.written_proofs_hold([*proofs, "0"], [*hashes, "d"]) or network.proof_holds(
        int(proofs[-1]), 0, "d"
    )
