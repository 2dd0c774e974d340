"""The short cut for regular blocks comes to what the general way comes to, or says nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.consensus import DEFAULT_CAPS, JS, Caps, Network, Refused, read_block
from ledger.consensus.regular import never_regular, python_regular

from .chains import EASY, PYTHON_DIALECTS, each_python_dialect, read, recorded
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


def verdict(value: Any, network: Network, wire: str, caps: Caps) -> object:
    try:
        return read_block(value, network, wire=wire, caps=caps)
    except Refused as refused:
        return refused.reason, refused.detail, refused.index


def in_general(network: Network) -> Network:
    return replace(network, dialect=replace(network.dialect, regular_text=never_regular))


def check(text: str, network: Network, caps: Caps = DEFAULT_CAPS) -> bool:
    """Whether the short cut knew it; both ways come to the same."""
    try:
        value = network.dialect.decoder.decode(text)
    except (ValueError, Refused, RecursionError):
        assert python_regular(text) is None, "it is not even JSON"
        return False
    # By repr as well: NaN is not equal to itself, and 5 equals 5.0.
    ours = verdict(value, network, text, caps)
    assert repr(ours) == repr(verdict(value, in_general(network), text, caps))
    return python_regular(text) is not None


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
        assert check(json.dumps(value, sort_keys=True, separators=separators), EASY["seed"], caps)


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


@each_python_dialect
def test_what_real_nodes_served_takes_the_short_cut(dialect: Any) -> None:
    chain = json.loads(recorded(dialect.name))["chain"]
    blocks = read(recorded(dialect.name), Network(dialect))
    known = [python_regular(json.dumps(value, sort_keys=True)) for value in chain]
    assert [text for text in known if text] == [
        block.canonical for block, text in zip(blocks, known, strict=True) if text
    ]
    assert sum(text is not None for text in known) > 2, "the rest has odd values, on purpose"


def test_the_javascript_dialect_has_no_short_cut() -> None:
    assert JS.regular_text("{}") is None
