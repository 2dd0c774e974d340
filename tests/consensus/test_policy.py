"""What our own door takes, and what is called irregular in a peer's block (protocol, section 4)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from ledger.consensus import JS, SEED, Dialect, Network
from ledger.consensus.policy import (
    LARGEST_AMOUNT,
    amount_fault,
    irregularity,
    name_fault,
    submission_faults,
)

from .chains import each_dialect
from .values import json_values

GOOD = {"sender": "alice", "recipient": "bob", "amount": 5}

GOOD_NAMES = ["a", "0" * 32, "밥", "🚀", "x" * 256, "🚀" * 256, " ", "</script>", "00", "a/b?c#d"]
BAD_NAMES = [
    (None, "must be a string"),
    (1, "must be a string"),
    (True, "must be a string"),
    ([], "must be a string"),
    ({"a": "b"}, "must be a string"),
    ("", "must not be empty"),
    ("x" * 257, "must have at most 256 characters"),
    ("\x00", "must not contain a control character (U+0000)"),
    ("a\nb", "must not contain a control character (U+000A)"),
    ("\x1f", "must not contain a control character (U+001F)"),
    ("\x7f", "must not contain a control character (U+007F)"),
    ("\x80", "must not contain a control character (U+0080)"),
    ("\x9f", "must not contain a control character (U+009F)"),
    ("a\ud800", "must not contain a lone surrogate (U+D800)"),
    ("\udfff", "must not contain a lone surrogate (U+DFFF)"),
]
BAD_AMOUNTS = [
    ("5", "must be an integer"),
    (5.0, "must be an integer"),
    (float("nan"), "must be an integer"),
    (float("inf"), "must be an integer"),
    (True, "must be an integer"),
    (None, "must be an integer"),
    ([5], "must be an integer"),
    (-1, "must not be negative"),
    (-(2**63), "must not be negative"),
    (2**63, "must be at most 9223372036854775807"),
    (10**399, "must be at most 9223372036854775807"),
]


@pytest.mark.parametrize("name", GOOD_NAMES)
def test_a_string_of_1_to_256_characters_names_somebody(name: str) -> None:
    assert name_fault(name) == ""


@pytest.mark.parametrize(("name", "fault"), BAD_NAMES, ids=lambda value: ascii(value)[:30])
def test_what_cannot_name_anybody_is_told_why(name: Any, fault: str) -> None:
    assert name_fault(name) == fault


@pytest.mark.parametrize("amount", [0, 1, 2**53, 2**63 - 1])
def test_an_amount_is_an_integer_from_0_to_the_largest(amount: int) -> None:
    assert amount_fault(amount) == ""


@pytest.mark.parametrize(("amount", "fault"), BAD_AMOUNTS, ids=lambda value: str(value)[:30])
def test_what_cannot_be_an_amount_is_told_why(amount: Any, fault: str) -> None:
    assert amount_fault(amount) == fault


@each_dialect
def test_the_largest_amount_is_what_the_dialect_carries_unrounded(dialect: Dialect) -> None:
    network = Network(dialect)
    largest = 2**53 - 1 if dialect is JS else 2**63 - 1
    assert submission_faults(GOOD | {"amount": largest}, network) == []
    assert submission_faults(GOOD | {"amount": largest + 1}, network) == [
        f"amount must be at most {largest}"
    ]
    assert dialect.decoder.decode(str(largest)) == largest
    assert network.canonical(largest) == str(largest)


@each_dialect
def test_a_good_submission_has_no_faults(dialect: Dialect) -> None:
    assert submission_faults(GOOD, Network(dialect)) == []
    assert submission_faults(GOOD | {"recipient": "0", "memo": None}, Network(dialect)) == []


@each_dialect
def test_a_reward_is_never_taken_at_the_door(dialect: Dialect) -> None:
    assert submission_faults(GOOD | {"sender": "0"}, Network(dialect)) == [
        'sender must not be "0": that is the reward for mining'
    ]


def test_every_fault_of_a_submission_is_named_at_once() -> None:
    assert submission_faults({"sender": "", "recipient": None, "amount": 1.5}, Network(SEED)) == [
        "sender must not be empty",
        "recipient must be a string",
        "amount must be an integer",
    ]


@pytest.mark.parametrize(
    ("transaction", "last", "reason"),
    [
        (GOOD, False, ""),
        (GOOD, True, ""),
        (GOOD | {"amount": 0, "memo": [1]}, False, ""),
        (GOOD | {"sender": "0", "amount": 1}, True, ""),
        (
            GOOD | {"sender": "0", "amount": 1},
            False,
            "a reward that does not stand last in its block",
        ),
        (GOOD | {"sender": "0", "amount": 2}, True, "a reward of 2, not 1"),
        (GOOD | {"sender": "0", "amount": 0}, True, "a reward of 0, not 1"),
        (GOOD | {"sender": "0", "amount": True}, True, "amount must be an integer"),
        (GOOD | {"sender": "0", "amount": 1.0}, True, "amount must be an integer"),
        (GOOD | {"sender": 0, "amount": 1}, True, "sender must be a string"),
        ({}, False, "sender is missing"),
        ({"sender": "a", "amount": 1}, False, "recipient is missing"),
        ({"sender": "a", "recipient": "b"}, False, "amount is missing"),
        (GOOD | {"recipient": ""}, False, "recipient must not be empty"),
        (GOOD | {"amount": 2**63 - 1}, False, ""),
        (GOOD | {"amount": 2**63}, False, "amount must be at most 9223372036854775807"),
    ],
)
def test_an_irregular_transaction_is_told_from_a_regular_one(
    transaction: dict[str, Any], last: bool, reason: str
) -> None:
    assert irregularity(transaction, last=last) == reason


@each_dialect
def test_our_own_reward_is_regular(dialect: Dialect) -> None:
    reward = Network(dialect).reward("ab" * 16)
    assert irregularity(reward, last=True) == ""


@settings(max_examples=120, deadline=None)
@given(json_values, json_values, json_values)
def test_whatever_the_door_takes_is_regular_in_a_block(
    sender: Any, recipient: Any, amount: Any
) -> None:
    transaction = {"sender": sender, "recipient": recipient, "amount": amount}
    faults = submission_faults(transaction, Network(SEED))
    reason = irregularity(transaction, last=False)
    assert bool(faults) == bool(reason)
    assert all(len(words) < 200 and words.isprintable() for words in [*faults, reason])


def test_the_largest_amount_is_what_a_column_of_64_bits_holds() -> None:
    assert LARGEST_AMOUNT == 2**63 - 1
