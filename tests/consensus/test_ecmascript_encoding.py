"""The js dialect hashes what Node.js prints: sorted keys, compact, every number a double."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from ledger.consensus import Reason, Refused
from ledger.consensus.encoding import (
    ecmascript_decoder,
    ecmascript_integer_text,
    ecmascript_text,
)

from .ecmascript import RECORDED, adversarial_texts, ask_node, random_texts
from .values import json_values


def ours(text: str) -> str:
    return ecmascript_text(ecmascript_decoder.decode(text))


PAIRS: list[tuple[str, str]] = [(asked, said) for asked, said in json.loads(RECORDED.read_text())]


def test_the_recording_holds_every_adversarial_text() -> None:
    assert [asked for asked, _ in PAIRS] == adversarial_texts()
    assert len(PAIRS) > 400


def test_every_recorded_answer_of_node_is_ours() -> None:
    assert [(asked, ours(asked)) for asked, _ in PAIRS] == PAIRS


def test_a_node_on_this_machine_agrees_about_everything() -> None:
    texts = adversarial_texts() + random_texts(4000, seed=2)
    try:
        said = ask_node(texts)
    except FileNotFoundError:
        pytest.skip("no Node.js here; what one said is recorded, and tested above")
    assert [(text, ours(text)) for text in texts] == list(zip(texts, said, strict=True))


@settings(max_examples=120, deadline=None)
@given(json_values)
def test_a_text_read_and_written_again_is_the_same_text(value: Any) -> None:
    text = ecmascript_text(value)
    assert ours(text) == text
    text.encode()  # no lone surrogate is left unescaped


@settings(max_examples=80, deadline=None)
@given(json_values)
def test_a_value_read_from_any_json_text_is_written_the_same_twice(value: Any) -> None:
    try:
        once = ours(json.dumps(value))
    except Refused as refused:
        assert refused.reason == Reason.NOT_JSON  # NaN and infinities are not JSON
        return
    assert ours(once) == once


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "[1, NaN]"])
def test_the_constants_of_python_are_not_json(text: str) -> None:
    with pytest.raises(Refused) as caught:
        ecmascript_decoder.decode(text)
    assert caught.value.reason == Reason.NOT_JSON


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (35293, "35293"),
        (2**53 + 1, "9007199254740992"),
        (10**20, "100000000000000000000"),
        (10**21, "1e+21"),
        (123456789012345678, "123456789012345680"),
    ],
)
def test_a_proof_is_printed_as_a_template_literal_prints_it(number: int, text: str) -> None:
    assert ecmascript_integer_text(number) == text


def test_a_number_beyond_every_double_is_null() -> None:
    numbers = [10**5000, -(10**5000), float("inf"), float("-inf"), float("nan")]
    assert ecmascript_text(numbers) == "[null,null,null,null,null]"
