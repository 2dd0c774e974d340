"""What a small answer and an answer in lines may hold, whoever sends it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from ledger.node.network.answers import Answer, PeerFailed
from ledger.node.network.client import lines, read_json


def answer(pieces: Iterable[bytes]) -> Answer:
    return Answer(200, {}, iter(pieces), 0.0, "127.0.0.1")


def nested(depth: int) -> bytes:
    """An object that holds lists in lists, `depth` of them all in all."""
    return b'{"x": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


GOOD: dict[str, Any] = {
    "software": "chainsite",
    "tip": {"index": 7},
    "x": [1.5, None, "é\U0001f600"],
}
REFUSED = {
    "nothing": (b"", "its answer is not JSON"),
    "no object": (b'["a"]', "its answer is not an object"),
    "a number alone": (b"5", "its answer is not an object"),
    "a cut end": (b'{"a": 1', "its answer is not JSON"),
    "more behind the end": (b'{"a": 1}{}', "its answer is not JSON"),
    "a page": (b"<!doctype html>", "its answer is not JSON"),
    "another encoding": ('{"a": "é"}'.encode("latin-1"), "its answer is not JSON"),
    "a mark of byte order": (b"\xef\xbb\xbf{}", "its answer is not JSON"),
    "NaN": (b'{"a": NaN}', "its answer is not JSON"),
    "infinity": (b'{"a": -Infinity}', "its answer is not JSON"),
    "beyond a double": (b'{"a": 1e999}', "its answer is not JSON"),
    "a lone surrogate": (b'{"a": ["\\ud800"]}', "its answer is not JSON"),
    "a lone surrogate as a key": (b'{"\\udfff": 1}', "its answer is not JSON"),
    "a control character": (b'{"a": "\x01"}', "its answer is not JSON"),
    "a key twice": (b'{"a": 1, "a": 1}', "an object has the same key twice"),
    "a key twice, spelt twice": (b'{"a": 1, "\\u0061": 1}', "an object has the same key twice"),
    "a key twice, within": (b'{"b": [{"a": 1, "a": 2}]}', "an object has the same key twice"),
    "33 deep": (nested(33), "objects and lists nest deeper than 32"),
    "30,000 deep": (nested(30_000), "objects and lists nest deeper than 32"),
    "401 digits": (b'{"a": %s}' % (b"1" * 401), "an integer has over 400 digits"),
    "401 digits, negative": (b'{"a": -%s}' % (b"1" * 401), "an integer has over 400 digits"),
    "60,000 digits": (b'{"a": %s}' % (b"1" * 60_000), "an integer has over 400 digits"),
    "a byte too many": (b'{"a": "%s"}' % (b"x" * 65_528), "its answer takes over 65536 bytes"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_a_small_object_is_refused(kind: str) -> None:
    body, reason = REFUSED[kind]
    with pytest.raises(PeerFailed) as failed:
        read_json(answer([body]))
    assert str(failed.value) == reason


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(GOOD).encode(),
        json.dumps(GOOD, ensure_ascii=False, indent=2).encode(),
        nested(32),
        b'{"a": %s}' % (b"9" * 400),
        b'{"a": -%s}' % (b"9" * 400),
        b'{"a": "%s"}' % (b"x" * 65_527),
    ],
    ids=["plain", "indented", "deep", "digits", "negative", "long"],
)
def test_a_small_object_is_read_however_it_is_cut(body: bytes) -> None:
    expected = json.loads(body)
    assert read_json(answer([body])) == expected
    assert read_json(answer(body[at : at + 7] for at in range(0, len(body), 7))) == expected


def test_an_endless_answer_is_left_where_it_is_too_long() -> None:
    taken = 0

    def endless() -> Iterable[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b" " * 1000

    with pytest.raises(PeerFailed, match="its answer takes over 5000 bytes"):
        read_json(answer(endless()), limit=5000)
    assert taken == 6


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a\n", [b"a"]),
        (b"a\n\nbc\n", [b"a", b"", b"bc"]),
        ("é\r\n\u2028\n".encode(), ["é\r".encode(), "\u2028".encode()]),
    ],
)
def test_lines_are_read_however_they_are_cut(size: int, body: bytes, expected: list[bytes]) -> None:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert list(lines(answer(pieces))) == expected


def test_a_line_is_there_as_soon_as_it_ends() -> None:
    def pieces() -> Iterable[bytes]:
        yield b"a\nb"
        raise AssertionError("asked for more than the first line needs")

    assert next(lines(answer(pieces()))) == b"a"


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"abc\nde", "its answer ends in the middle"),
        (b"abc\nabcde\n", "a line of its answer takes over 4 bytes"),
        (b"abc\nabcde", "a line of its answer takes over 4 bytes"),
        (b"abc\n" * 3, "its answer takes over 10 bytes"),
    ],
)
def test_lines_have_their_limits(size: int, body: bytes, reason: str) -> None:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    with pytest.raises(PeerFailed) as failed:
        list(lines(answer(pieces), longest=4, limit=10))
    assert str(failed.value) == reason


def test_lines_within_their_limits_are_read() -> None:
    assert list(lines(answer([b"abcd\nabcd\n"]), longest=4, limit=10)) == [b"abcd"] * 2
