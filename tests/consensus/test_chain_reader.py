"""Reading a peer's `/chain` body: cut anywhere, hostile in any way, in little memory."""

from __future__ import annotations

import gzip
import json
import random
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ledger.consensus import (
    DEFAULT_CAPS,
    JS,
    SEED,
    Caps,
    ChainBody,
    Dialect,
    Network,
    Reason,
    Refused,
    read_chain,
)

from .chains import (
    DIALECTS,
    EASY,
    body_of,
    each_dialect,
    in_pieces,
    in_random_pieces,
    make_block,
    make_chain,
    read,
    refusal,
    texts,
)

MIB = 1024 * 1024
ODD = [{"sender": "밥 🚀", "recipient": '\\"\n', "amount": 1.5e-7, "x": [None, True, -12]}]


def small_body(network: Network) -> bytes:
    """Two blocks, every kind of token, raw and escaped characters."""
    chain = json.dumps(list(make_chain(network, 2, [[], ODD])), ensure_ascii=False)
    return (
        '{"a": [1, {"\\u00e9": null}], "chain" : '
        + chain
        + ', "length": 2, "b\\ud83d": -1.5e+3 }\n'
    ).encode()


# What is a body.


@each_dialect
def test_the_keys_of_an_answer_come_in_any_order_and_others_are_passed_over(
    dialect: Dialect,
) -> None:
    network = EASY[dialect.name]
    chain = json.dumps(list(make_chain(network, 2)))
    for answer in (
        f'{{"chain":{chain}}}',
        f'{{"length":2,"chain":{chain}}}',
        f' {{ "chain" :{chain} ,\n"length"\t: 2 }}\r\n ',
        f'{{"node":{{"chain":[1]}},"ch\\u0061in":{chain},"":null,"":null}}',
        f'{{"length":"two","length":1e5,"chain":{chain}}}',
    ):
        assert len(read(answer.encode(), network)) == 2


@pytest.mark.parametrize(
    ("written", "claimed"),
    [("2", 2), ("1000000000", 10**9), ("-5", -5), ("2.0", None), ('"2"', None), ("true", None)],
)
def test_a_claimed_length_is_noted_and_not_believed(written: str, claimed: int | None) -> None:
    chain = json.dumps(list(make_chain(EASY["seed"], 2)))
    for answer in (
        f'{{"chain": {chain}, "length": {written}}}',
        f'{{"length": {written}, "chain": {chain}}}',
    ):
        body = ChainBody([answer.encode()], SEED.decoder)
        assert len(list(body)) == 2
        assert body.claimed_length == claimed
        assert (body.blocks_read, body.bytes_read) == (2, len(answer))


@each_dialect
def test_a_pretty_printed_body_is_the_same_chain(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    chain = list(make_chain(network, 5, [[], ODD]))
    plain = read(body_of(chain), network)
    for indent in (1, 2, 8, "\t", "\r\n"):
        pretty = json.dumps({"chain": chain, "length": 5}, indent=indent, ensure_ascii=False)
        assert read(in_pieces(pretty.encode(), 100), network) == plain


# Where it is cut makes no difference.


@each_dialect
def test_a_small_body_reads_the_same_however_it_is_cut(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    body = small_body(network)
    whole = read(body, network)
    assert len(whole) == 2
    for cut in range(len(body) + 1):
        assert texts([body[:cut], body[cut:]], network) == [piece.text for piece in pieces(body)]
    for size in range(1, 40):
        assert read(in_pieces(body, size), network) == whole
    for seed in range(30):
        assert read(in_random_pieces(body, random.Random(seed)), network) == whole


def pieces(body: bytes) -> list[Any]:
    return list(ChainBody([body], SEED.decoder))


@pytest.mark.parametrize("number", ["0", "-7", "12.5", "1e5", "1E+05", "-1.25e-07", "1e999"])
@each_dialect
def test_a_number_is_never_taken_before_its_end(dialect: Dialect, number: str) -> None:
    body = f'{{"chain":[{number},{number} ],"length":{number}}}'.encode()
    for cut in range(len(body)):
        for chunks in ([body[:cut], body[cut:]], in_pieces(body, cut + 1)):
            assert texts(chunks, EASY[dialect.name]) == [number, number]


@pytest.mark.long
@pytest.mark.parametrize("dialect", [SEED, JS], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("size", [1, 1000, 47_001, 10**9])
def test_large_blocks_are_read_in_pieces_of_any_size(dialect: Dialect, size: int) -> None:
    """Each between two and four mebibytes on the wire, so that none comes in one slice; less where
    each byte comes alone."""
    network = EASY[dialect.name]
    spread = " " * (2 * MIB if size > 1 else MIB // 16)
    chain = [
        json.dumps(block)[:-1] + spread + "}"
        for block in make_chain(network, 3, [[], [{"sender": "밥" * 30_000}]])
    ]
    body = ('{"chain": [' + ",".join(chain) + "]}").encode()
    assert len(read(in_pieces(body, size), network)) == 3


# The caps.


@pytest.mark.long
@each_dialect
def test_a_block_takes_four_mebibytes_on_the_wire_and_not_a_byte_more(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    cap = 50_000
    caps = replace(DEFAULT_CAPS, wire_block_bytes=cap)
    for filler in (b"x", "밥".encode(), "🚀".encode()):
        block = json.dumps(make_block(network, genesis=True, extra="@")).encode()
        filled = block.replace(b"@", filler * ((cap - len(block)) // len(filler)))
        for spare in (0, 1):
            padded = filled[:-1] + b" " * (cap - len(filled) + spare) + b"}"
            assert len(padded) == cap + spare
            body = b'{"chain":[' + padded + b"]}"
            for size in (1, 999, cap, 10**9):
                if spare:
                    refused = refusal(in_pieces(body, size), network, caps)
                    assert refused.reason == Reason.BLOCK_TOO_LARGE
                else:
                    assert len(read(in_pieces(body, size), network, caps)) == 1


@each_dialect
def test_a_chains_bytes_and_blocks_are_counted(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    body = body_of(make_chain(network, 5))
    exact = replace(DEFAULT_CAPS, chain_bytes=len(body), chain_blocks=5)
    assert len(read(body, network, exact)) == 5
    less = replace(DEFAULT_CAPS, chain_bytes=len(body) - 1)
    assert refusal(body, network, less).reason == Reason.CHAIN_TOO_LARGE
    fewer = replace(DEFAULT_CAPS, chain_blocks=4)
    assert refusal(body, network, fewer).reason == Reason.TOO_MANY_BLOCKS


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"extra": ' + "[" * 32 + "]" * 32 + ', "chain": []}', Reason.TOO_DEEP),
        ('{"extra": "' + "x" * 70_000 + '", "chain": []}', Reason.BLOCK_TOO_LARGE),
        ('{"' + "x" * 70_000 + '": 1, "chain": []}', Reason.BLOCK_TOO_LARGE),
        ('{"length": ' + "1" * 401 + ', "chain": []}', Reason.TOO_MANY_DIGITS),
        ('{"length": ' + "1" * 5000 + ', "chain": []}', Reason.TOO_MANY_DIGITS),
    ],
)
def test_the_rest_of_the_answer_is_capped_too(answer: str, reason: Reason) -> None:
    for size in (7, 64 * 1024):
        assert refusal(in_pieces(answer.encode(), size), EASY["seed"]).reason == reason


# Hostile bodies.

SMALL = replace(DEFAULT_CAPS, block_bytes=MIB // 8, wire_block_bytes=4 * MIB // 8)
"""The caps on a scale of one to eight: what grows with them takes less time to test."""

GENESIS = json.dumps(make_block(EASY["seed"], genesis=True)).encode()
HOSTILE: dict[str, tuple[bytes, Reason]] = {
    "nothing": (b"", Reason.TRUNCATED),
    "only white space": (b" \n" * 1000, Reason.TRUNCATED),
    "a list": (b"[]", Reason.NOT_JSON),
    "null": (b"null", Reason.NOT_JSON),
    "a page": (b"<!doctype html><title>502 Bad Gateway</title>", Reason.NOT_JSON),
    "no chain": (b'{"length": 3}', Reason.NOT_A_CHAIN),
    "an empty object": (b"{}", Reason.NOT_A_CHAIN),
    "an empty chain": (b'{"chain": []}', Reason.EMPTY_CHAIN),
    "a chain that is null": (b'{"chain": null}', Reason.NOT_A_CHAIN),
    "a chain that is an object": (b'{"chain": {"1": {}}}', Reason.NOT_A_CHAIN),
    "a chain that is a string": (b'{"chain": "[]"}', Reason.NOT_A_CHAIN),
    "two chains": (b'{"chain": [%s], "chain": [%s]}' % (GENESIS, GENESIS), Reason.DUPLICATE_KEY),
    "two chains, one escaped": (
        b'{"chain": [%s], "\\u0063hain": []}' % GENESIS,
        Reason.DUPLICATE_KEY,
    ),
    "a key that is no string": (b'{1: 2, "chain": []}', Reason.NOT_JSON),
    "a key without quotes": (b"{chain: []}", Reason.NOT_JSON),
    "no colon": (b'{"chain" []}', Reason.NOT_JSON),
    "no comma": (b'{"length": 1 "chain": []}', Reason.NOT_JSON),
    "a comma too many in the answer": (b'{"chain": [%s],}' % GENESIS, Reason.NOT_JSON),
    "a comma too many in the chain": (b'{"chain": [%s,]}' % GENESIS, Reason.NOT_JSON),
    "a comma too many in a block": (b'{"chain": [{"index": 1,}]}', Reason.NOT_JSON),
    "a comma first": (b'{,"chain": []}', Reason.NOT_JSON),
    "two commas": (b'{"chain": [%s,,%s]}' % (GENESIS, GENESIS), Reason.NOT_JSON),
    "something after the end": (b'{"chain": [%s]} {}' % GENESIS, Reason.NOT_JSON),
    "a second answer": (b'{"chain": [%s]}' % GENESIS * 2, Reason.NOT_JSON),
    "a zero byte after the end": (b'{"chain": [%s]}\0' % GENESIS, Reason.NOT_JSON),
    "a byte order mark": (b'\xef\xbb\xbf{"chain": [%s]}' % GENESIS, Reason.NOT_JSON),
    "UTF-16": ('{"chain": []}'.encode("utf-16"), Reason.NOT_JSON),
    "gzip": (gzip.compress(b'{"chain": []}'), Reason.NOT_JSON),
    "Latin-1": ('{"chain": ["é"]}'.encode("latin-1"), Reason.NOT_JSON),
    "an overlong character": (b'{"chain": ["\xc0\xaf"]}', Reason.NOT_JSON),
    "a surrogate in UTF-8": (b'{"chain": ["\xed\xa0\xbd"]}', Reason.NOT_JSON),
    "half a bad character at the end": (b'{"chain": ["\xe0\x80', Reason.NOT_JSON),
    "half a good character at the end": (b'{"chain": ["\xf0\x9f', Reason.TRUNCATED),
    "a control character in a string": (b'{"chain": ["a\nb"]}', Reason.NOT_JSON),
    "an unknown escape": (b'{"chain": ["\\x41"]}', Reason.NOT_JSON),
    "a bad \\u escape": (b'{"chain": ["\\u12g4 and so on, and so on"]}', Reason.NOT_JSON),
    "single quotes": (b"{'chain': []}", Reason.NOT_JSON),
    "a leading zero": (b'{"length": 012, "chain": []}', Reason.NOT_JSON),
    "a lone minus": (b'{"length": -, "chain": []}', Reason.NOT_JSON),
    "a comment": (b'{"chain": [/* none */]}', Reason.NOT_JSON),
    "lists 100,000 deep": (b'{"chain": [' + b"[" * 100_000, Reason.TOO_DEEP),
    "lists 100,000 deep, closed": (
        b'{"chain": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        Reason.TOO_DEEP,
    ),
    "objects 100,000 deep": (b'{"chain": [' + b'{"a":' * 100_000, Reason.TOO_DEEP),
    "a deep key": (b"{" + b"[" * 100_000, Reason.TOO_DEEP),
    "a deep other value": (b'{"a":' + b"[" * 100_000, Reason.TOO_DEEP),
    "brackets alone": (b"[" * 100_000, Reason.NOT_JSON),
    "braces alone": (b"{" * 100_000, Reason.NOT_JSON),
    "endless digits": (b'{"chain": [' + b"1" * 100_000, Reason.TOO_MANY_DIGITS),
    "a number of 5,000 digits": (
        b'{"chain": [{"index": ' + b"1" * 5000 + b"}]}",
        Reason.TOO_MANY_DIGITS,
    ),
    "objects without end": (b'{"chain": [' + b"{}," * 200_000, Reason.MISSING_KEY),
    "numbers without end": (b'{"chain": [' + b"1," * 200_000, Reason.NOT_AN_OBJECT),
    "keys without end": (b"{" + b'"a":1,' * 5_000, Reason.TRUNCATED),
    "spaces without end": (b'{"chain": [' + b" " * 5 * MIB, Reason.TRUNCATED),
    "spaces without end in a block": (b'{"chain": [{' + b" " * MIB, Reason.BLOCK_TOO_LARGE),
    "a string without end": (b'{"chain": [{"a": "' + b"x" * MIB, Reason.BLOCK_TOO_LARGE),
    "fraction digits without end": (b'{"chain": [0.' + b"1" * MIB, Reason.BLOCK_TOO_LARGE),
    "a block full of empty objects": (
        b'{"chain": [{"a": [' + b"{}," * (MIB // 16) + b"1]}]}",
        Reason.BLOCK_TOO_LARGE,
    ),
    "a block full of escaped quotes": (
        b'{"chain": [{"a": "' + b'\\"' * (MIB // 16 - 1000) + b'"}]}',
        Reason.MISSING_KEY,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused(name: str) -> None:
    body, reason = HOSTILE[name]
    for size in (64 * 1024, len(body) or 1):
        assert refusal(in_pieces(body, size), EASY["seed"], SMALL).reason == reason
    if len(body) <= 200_000:
        assert refusal(in_pieces(body, 1), EASY["seed"], SMALL).reason == reason
    for dialect in DIALECTS:
        refusal(body, Network(dialect, 4), SMALL)


@each_dialect
def test_a_body_cut_off_at_any_byte_is_refused_as_cut_off(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    body = small_body(network)
    assert body.endswith(b"}\n")
    for end in range(len(body) - 1):
        for chunks in ([body[:end]], in_pieces(body[:end], 7)):
            refused = refusal(chunks, network)
            assert refused.reason == Reason.TRUNCATED, (body[:end], refused)


@each_dialect
def test_any_byte_too_many_is_refused(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    body = small_body(network)
    for byte in range(256):
        tail = bytes([byte])
        if tail.isspace() and tail not in b"\v\f":
            assert len(read(body + tail, network)) == 2
        else:
            assert refusal(body + tail, network).reason in (Reason.NOT_JSON, Reason.TRUNCATED)


def test_what_was_read_before_the_fault_was_handed_on_already() -> None:
    body = small_body(EASY["seed"])
    blocks = read_chain([body[:-10]], EASY["seed"])
    assert [next(blocks).index, next(blocks).index] == [1, 2]
    with pytest.raises(Refused):
        next(blocks)


def test_a_broken_connection_is_the_callers_own_error() -> None:
    def breaking() -> Iterator[bytes]:
        yield small_body(EASY["seed"])[:300]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        read(breaking(), EASY["seed"])


def test_a_connection_that_breaks_after_the_fault_does_not_hide_the_fault() -> None:
    def breaking() -> Iterator[bytes]:
        yield b'{"chain": [{}, '
        raise ConnectionResetError

    assert refusal(breaking(), EASY["seed"]).reason == Reason.MISSING_KEY


# What it costs.


class CountingDecoder(json.JSONDecoder):
    """Counts how often it was asked, and how much text it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts = 0
        self.characters = 0

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        self.attempts += 1
        self.characters += len(s) - idx
        return super().raw_decode(s, idx)


class CountingBody(ChainBody):
    """Counts how much text was put together from pieces."""

    joined = 0

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_text":
            self.joined += len(value)
        super().__setattr__(name, value)


@pytest.mark.long
@pytest.mark.parametrize("filler", ["x", "밥", "{},"])
def test_a_dripping_peer_costs_linear_time(filler: str) -> None:
    content = filler * (200_000 // len(filler.encode()))
    value = f"[{content}1]" if filler == "{}," else f'"{content}"'
    body = ('{"chain": [{"a": ' + value + '}], "length": 1}').encode()
    decoder = CountingDecoder()
    reader = CountingBody(in_pieces(body, 1), decoder)
    assert len(list(reader)) == 1
    assert decoder.attempts < 60
    assert decoder.characters < 4 * len(body)
    assert reader.joined < 4 * len(body)


def test_many_small_blocks_cost_one_attempt_each() -> None:
    body = body_of([{"a": 1}] * 15_000)
    for size in (64 * 1024, len(body)):
        decoder = CountingDecoder()
        reader = CountingBody(in_pieces(body, size), decoder)
        assert len(list(reader)) == 15_000
        assert decoder.attempts < 15_000 + 3 * len(body) // (64 * 1024) + 20
        assert reader.joined < 2 * len(body)


def test_small_blocks_after_a_large_one_cost_one_attempt_each() -> None:
    large = {"a": [{}] * 120_000 + [" " * 2 * MIB]}
    body = body_of(([large] + [{"a": 1}] * 6_000) * 3)
    decoder = CountingDecoder()
    reader = CountingBody(in_pieces(body, 64 * 1024), decoder)
    assert len(list(reader)) == 18_003
    assert decoder.attempts < 18_003 + 200
    assert reader.joined < 4 * len(body)


def peak_of(body: bytes, network: Network, caps: Caps = DEFAULT_CAPS) -> tuple[int, int]:
    """Bytes of memory at the highest, and the blocks read, in pieces of 64 KiB."""
    chunks = in_pieces(body, 64 * 1024)
    count = 0
    tracemalloc.start()
    try:
        for _ in read_chain(chunks, network, caps):
            count += 1
    except Refused:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak, count


@pytest.mark.long
def test_memory_stays_flat_over_20000_blocks() -> None:
    network = EASY["seed"]
    body = body_of(make_chain(network, 20_000))
    assert len(body) > 4 * MIB
    peak, count = peak_of(body, network)
    assert count == 20_000
    assert peak < 2 * MIB


@pytest.mark.parametrize(
    ("dialect", "content"),
    [
        pytest.param(SEED, b"[" * 27 + b"]" * 27, id="lists in lists"),
        pytest.param(SEED, b"999", id="numbers"),
        pytest.param(JS, '"🚀"'.encode() + b"," + b" " * 1000, id="wide characters"),
    ],
)
def test_a_hostile_block_costs_a_bounded_amount_of_memory(dialect: Dialect, content: bytes) -> None:
    """Read with the usual caps, the worst of these takes 72 MiB. Read naively, 8 MB of `{}` take
    200."""
    many = b",".join([content] * ((SMALL.wire_block_bytes - 1000) // (len(content) + 1)))
    block = json.dumps(make_block(EASY[dialect.name], genesis=True, extra=1)).encode()
    body = b'{"chain":[' + block.replace(b'"extra": 1', b'"extra": [' + many + b"]") + b"]}"
    peak, _ = peak_of(body, EASY[dialect.name], SMALL)
    assert peak < 80 * MIB // 8
