"""The short cut for regular blocks comes to what the general way comes to, or says nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.consensus import (
    DEFAULT_CAPS,
    JS,
    Block,
    Caps,
    Network,
    Refused,
    read_chain,
    read_text,
)
from ledger.consensus.regular import RegularTransactions, read_none, read_python, remembered

from .chains import (
    EASY,
    PYTHON_DIALECTS,
    each_python_dialect,
    in_pieces,
    make_block,
    make_chain,
    read,
    recorded,
)
from .values import json_values, strings

# What stands between things stands in strings, too.
tricky = st.text(st.sampled_from('a ,:{}[]"\\-0.é\x7f\n'), max_size=8)
texts = st.one_of(strings, tricky, st.just("ab" * 32))
numbers = st.one_of(
    st.integers(-3, 10**19),
    st.floats(),
    st.floats(0, 2e9).map(lambda number: round(number, 7)),
    st.sampled_from([-0.0, 1e16, 1e-5, 0.0001, 999999999999999.9, True, None, "1"]),
)
transactions = st.fixed_dictionaries(
    {"sender": texts, "recipient": texts, "amount": numbers},
    optional={"extra": json_values},
)
values = st.fixed_dictionaries(
    {
        "index": numbers,
        "timestamp": numbers,
        "transactions": st.lists(transactions, max_size=4),
        "proof": numbers,
        "previous_hash": texts,
    },
    optional={"extra": json_values},
)
layouts = st.sampled_from(
    [
        {"sort_keys": True},
        {"sort_keys": True, "separators": (",", ":")},
        {"sort_keys": True, "separators": (", ", ":")},
        {"sort_keys": True, "indent": 2},
        {"sort_keys": True, "ensure_ascii": False},
        {"sort_keys": True, "separators": (",", ":"), "ensure_ascii": False},
        {"separators": (",", ":")},
    ]
)
edits = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 3), st.sampled_from('0-.e,:{}[]"\\ 1aé')),
    max_size=2,
)


def edited(text: str, places: list[tuple[int, int, str]]) -> str:
    for place, cut, put in places:
        at = place % (len(text) + 1)
        text = text[:at] + put + text[at + cut :]
    return text


def verdict(network: Network, text: str, caps: Caps) -> Block | tuple[object, ...]:
    try:
        return read_text(text.encode("utf-8", "surrogatepass"), network, caps)
    except Refused as refused:
        return refused.reason, refused.detail, refused.index


def in_general(network: Network) -> Network:
    return replace(network, dialect=replace(network.dialect, read_regular=read_none))


def check(text: str, network: Network, caps: Caps = DEFAULT_CAPS) -> bool:
    """Whether the short cut knew it; both ways come to the same."""
    ours, general = verdict(network, text, caps), verdict(in_general(network), text, caps)
    # By repr as well: NaN is not equal to itself, and 5 equals 5.0.
    assert repr(ours) == repr(general)
    known = read_python(text, 0, caps)
    if known is None or known[1] < len(text):
        return False
    assert isinstance(ours, Block)
    assert isinstance(general, Block)
    assert ours == general == known[0]
    assert repr(remembered(ours.canonical, ours.hash)) == repr(ours)
    assert isinstance(ours.transactions, RegularTransactions)
    assert len(ours.transactions) == len(general.transactions)
    return True


@pytest.mark.long
@settings(max_examples=400, deadline=None, database=None)
@given(values, layouts, edits, st.sampled_from(PYTHON_DIALECTS))
def test_both_ways_come_to_the_same(
    value: Any, layout: dict[str, Any], places: list[tuple[int, int, str]], dialect: Any
) -> None:
    check(edited(json.dumps(value, **layout), places), EASY[dialect.name])


plain = st.fixed_dictionaries(
    {
        "index": st.integers(0, 10**18 - 1),
        "timestamp": st.floats(0.001, 4e9).map(lambda number: round(number, 7)),
        "transactions": st.lists(
            st.fixed_dictionaries(
                {
                    "sender": st.from_regex("[0-9a-f]{1,32}", fullmatch=True),
                    "recipient": st.from_regex("[A-Za-z .-]{1,32}", fullmatch=True),
                    "amount": st.integers(-(10**17), 10**17),
                }
            ),
            max_size=3,
        ),
        "proof": st.integers(0, 10**9),
        "previous_hash": st.from_regex("[0-9a-f]{64}", fullmatch=True),
    }
)


@settings(max_examples=150, deadline=None, database=None)
@given(plain, st.booleans(), edits)
def test_plain_blocks_take_the_short_cut_and_their_neighbours_come_to_the_same(
    value: Any, tight: bool, places: list[tuple[int, int, str]]
) -> None:
    separators = (",", ":") if tight else (", ", ": ")
    text = json.dumps(value, sort_keys=True, separators=separators)
    assert check(text, EASY["seed"])
    check(edited(text, places), EASY["seed"])


@pytest.mark.parametrize(
    "caps",
    [Caps(digits=17), Caps(digits=3), Caps(depth=2), Caps(block_bytes=200), Caps(block_bytes=262)],
)
@pytest.mark.parametrize("proof", [1, 10**17])
def test_caps_mean_the_same_on_both_ways(caps: Caps, proof: int) -> None:
    transaction = {"amount": 1, "recipient": "b", "sender": "a"}
    value = {
        "index": 2, "previous_hash": "ab" * 32, "proof": proof, "timestamp": 1.5,
        "transactions": [transaction],
    }  # fmt: skip
    for separators in ((",", ":"), (", ", ": ")):
        text = json.dumps(value, sort_keys=True, separators=separators)
        check(text, EASY["seed"], caps)
        assert read_python(text, 0, DEFAULT_CAPS)


@pytest.mark.parametrize(
    "text",
    [
        '"a,"', '":b"', '"a},{b"', '", "', '"x: y"', '"{}"', '"\\u0022"', '"\\\\"', '"é"', '""',
    ],
)  # fmt: skip
@pytest.mark.parametrize("space", ["", " "])
def test_strings_that_look_like_structure_come_to_the_same(text: str, space: str) -> None:
    comma, colon = f",{space}", f":{space}"
    transaction = comma.join(
        f"{key}{colon}{value}" for key, value in
        [('"amount"', "1"), ('"recipient"', text), ('"sender"', text)]
    )  # fmt: skip
    members = {
        "index": "2", "previous_hash": text, "proof": "7", "timestamp": "1.5",
        "transactions": f"[{{{transaction}}}{comma}{{{transaction}}}]",
    }  # fmt: skip
    body = comma.join(f'"{key}"{colon}{value}' for key, value in members.items())
    check(f"{{{body}}}", EASY["seed"])


contents = st.lists(
    st.lists(
        st.fixed_dictionaries(
            {"sender": texts, "recipient": texts, "amount": st.integers(-5, 10**19)},
            optional={"extra": json_values},
        ),
        max_size=3,
    ),
    min_size=2,
    max_size=6,
)


@settings(max_examples=60, deadline=None, database=None)
@given(contents, layouts, st.integers(1, 400), edits, st.sampled_from(PYTHON_DIALECTS))
def test_chains_of_regular_and_odd_blocks_are_read_the_same_however_they_are_cut(
    contents: Any, layout: dict[str, Any], size: int, places: Any, dialect: Any
) -> None:
    network = EASY[dialect.name]
    chain = list(make_chain(network, len(contents) + 3, contents))
    answer = json.dumps({"chain": chain, "length": len(chain)}, **layout)
    for text in (answer, edited(answer, places)):
        pieces = in_pieces(text.encode("utf-8", "surrogatepass"), size)
        assert repr(outcome(pieces, network)) == repr(outcome(pieces, in_general(network)))


def outcome(pieces: list[bytes], network: Network) -> object:
    """The blocks up to the first refusal, and that."""
    blocks: list[Block] = []
    try:
        for block in read_chain(pieces, network):
            blocks.append(block)
    except Refused as refused:
        return blocks, refused.reason, refused.detail, refused.index
    return blocks


def test_a_regular_blocks_transactions_are_a_list_to_whoever_looks() -> None:
    value = make_block(EASY["seed"], transactions=[{"amount": 1, "recipient": "b", "sender": "a"}])
    block = read_text(json.dumps(value, sort_keys=True).encode(), EASY["seed"])
    assert isinstance(block.transactions, RegularTransactions)
    assert block.transactions == value["transactions"] == list(block.transactions)
    assert block.transactions != []
    assert block.transactions != "a"
    assert block.transactions[0] == block.transactions[-1] == value["transactions"][0]
    assert block.transactions[1:] == []
    assert repr(block.transactions) == repr(value["transactions"])


@each_python_dialect
def test_what_real_nodes_served_takes_the_short_cut(dialect: Any) -> None:
    blocks = read(recorded(dialect.name), Network(dialect))
    known = sum(isinstance(block.transactions, RegularTransactions) for block in blocks)
    assert 2 < known < len(blocks), "the rest has odd values, on purpose"


def test_the_javascript_dialect_has_no_short_cut() -> None:
    value = make_block(EASY["js"], transactions=[{"amount": 1, "recipient": "b", "sender": "a"}])
    assert JS.read_regular(json.dumps(value, sort_keys=True), 0, DEFAULT_CAPS) is None
