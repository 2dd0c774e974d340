"""The Python dialects hash `json.dumps(value, sort_keys=True)`, whatever the value."""

from __future__ import annotations

import hashlib
import json
import math
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.consensus import Reason, Refused, hash_of
from ledger.consensus.encoding import python_decoder, python_text

from .ecmascript import NUMBERS, OBJECTS, STRINGS, random_texts
from .values import json_values


@settings(max_examples=120, deadline=None)
@given(json_values)
def test_the_text_is_what_json_dumps_writes(value: Any) -> None:
    assert python_text(value) == json.dumps(value, sort_keys=True)


@settings(max_examples=120, deadline=None)
@given(json_values)
def test_a_text_read_and_written_again_is_the_same_text(value: Any) -> None:
    text = python_text(value)
    assert python_text(python_decoder.decode(text)) == text
    assert text.isascii()
    assert hash_of(text) == hashlib.sha256(text.encode()).hexdigest()


@settings(max_examples=80, deadline=None)
@given(json_values, st.sampled_from([None, 1, 2, "\t"]), st.booleans(), st.booleans())
def test_how_a_peer_lays_its_json_out_makes_no_difference(
    value: Any, indent: Any, ascii_only: bool, sort: bool
) -> None:
    served = json.dumps(value, indent=indent, ensure_ascii=ascii_only, sort_keys=sort)
    assert python_text(python_decoder.decode(served)) == python_text(value)


@pytest.mark.parametrize(
    "text",
    [
        *(number for number in NUMBERS if len(number) < 640),
        *map(json.dumps, [*STRINGS, *OBJECTS]),
        *("NaN", "Infinity", "-Infinity", "[1e999, -1e999, -0, -0.0, 1E5, 1e5, 100000]"),
        '{"\\ud83d\\ude80": "\\ud83d\\ude80", "\\ude80\\ud83d": "\\ud83d"}',
        '{"a": 1, "a": 2}',
    ],
)
def test_what_json_loads_reads_is_written_as_json_dumps_would(text: str) -> None:
    expected = json.dumps(json.loads(text), sort_keys=True)
    assert python_text(python_decoder.decode(text)) == expected


def test_random_texts_are_read_and_written_as_json_would() -> None:
    for text in random_texts(1500, seed=1):
        try:
            expected = json.dumps(json.loads(text), sort_keys=True)
            assert python_text(python_decoder.decode(text)) == expected
        except Refused as refused:
            assert refused.reason == Reason.TOO_MANY_DIGITS
            assert "1" * 1000 in text


def test_an_integer_and_a_float_of_the_same_value_stay_apart() -> None:
    assert python_text(python_decoder.decode("[5, 5.0, 5e0, -0, -0.0]")) == "[5, 5.0, 5.0, 0, -0.0]"


def test_keys_are_sorted_by_code_point_at_every_level() -> None:
    value = {"\U0001f680": 1, "\uffff": {"b": 1, "a": 2, "B": 3}, "": [{"z": 1, "y": 2}]}
    assert python_text(value) == (
        '{"": [{"y": 2, "z": 1}], "\\uffff": {"B": 3, "a": 2, "b": 1}, "\\ud83d\\ude80": 1}'
    )


def test_a_huge_exponent_is_an_infinity() -> None:
    assert python_text(python_decoder.decode("1e999")) == "Infinity"
    assert math.isnan(python_decoder.decode("NaN"))


@pytest.mark.parametrize("setting", [0, 640, 100_000])
def test_no_setting_of_the_interpreter_changes_which_integers_are_read(setting: int) -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(setting)
    try:
        assert python_decoder.decode("9" * 640) == 10**640 - 1
        with pytest.raises(Refused) as caught:
            python_decoder.decode("9" * 641)
        assert caught.value.reason == Reason.TOO_MANY_DIGITS
    finally:
        sys.set_int_max_str_digits(before)
