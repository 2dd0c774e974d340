"""Recorded bodies with something wrong in them: read or refused, never anything else."""

from __future__ import annotations

import json
import random

import pytest

from ledger.consensus import DEFAULT_CAPS, Network, Refused, read_chain
from ledger.consensus.errors import LONGEST_DETAIL

from .chains import DIALECTS, in_random_pieces, recorded

TOKENS = [
    *(b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b'\\"', b"\\u0022", b"\\ud800"),
    *(b"0", b"-", b".", b"e", b"1e999", b"-0", b"1.0", b"NaN", b"-Infinity"),
    *(b"null", b"true", b"[]", b"{}", b"{},", b'"a":1,', b'"proof":1,', b'"chain":[],', b"[[[[[["),
    *(b"\x00", b"\n", b" ", b"\xef\xbb\xbf", b"\xff", b"\xf0\x9f", b"\xed\xa0\x80"),
    *(b"9" * 401, b"9" * 5000, b"[" * 40, b'{"a":' * 40, b"[" * 20_000, b"{}," * 5_000),
]
NETWORKS = [Network(dialect, 4) for dialect in DIALECTS]


def shortened(body: bytes, blocks: int) -> bytes:
    """The first blocks of a recorded body, as they were served."""
    end = body.index(b'},{"index":%d' % (blocks + 1)) + 1
    return body[:end] + b'],"length":%d}' % blocks


BODIES = [shortened(recorded(dialect.name), length) for dialect in DIALECTS for length in (2, 3, 5)]


def mutated(body: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(body) + 1)
        length = dice.choice((1, 1, 1, 2, 5, 40, 300))
        kind = dice.randrange(7)
        if kind == 0 and at < len(body):
            body = body[:at] + bytes([body[at] ^ (1 << dice.randrange(8))]) + body[at + 1 :]
        elif kind == 1:
            body = body[:at] + body[at + length :]
        elif kind == 2:
            body = body[:at] + body[at : at + length] * dice.choice((2, 2, 3, 9)) + body[at:]
        elif kind == 3:
            body = body[:at] + dice.choice(TOKENS) + body[at + dice.choice((0, 0, length)) :]
        elif kind == 4:
            other = dice.randrange(len(body) + 1)
            body = body[:at] + body[other : other + length] + body[at:]
        elif kind == 5:
            body = body[:at] + dice.randbytes(length) + body[at + length :]
        else:
            body = body[:at]
        if not body:
            return body
    return body


def read_mutants(count: int, seed: int) -> tuple[int, int]:
    """How many were refused, and how many read after all."""
    dice = random.Random(seed)
    refused = read = 0
    for number in range(count):
        body = mutated(dice.choice(BODIES), dice)
        network = dice.choice(NETWORKS)
        chunks = in_random_pieces(body, dice) if dice.random() < 0.2 else [body]
        try:
            for block in read_chain(chunks, network):
                assert len(block.canonical) <= DEFAULT_CAPS.block_bytes
            read += 1
        except Refused as refusal:
            assert len(refusal.detail) <= LONGEST_DETAIL
            refused += 1
        except BaseException as error:
            error.add_note(f"seed {seed}, case {number}, {network}: {body[:3000]!r}")
            raise
    return refused, read


@pytest.mark.long
def test_20000_mutants_are_read_or_refused() -> None:
    refused, read = read_mutants(20_000, seed=20_000)
    assert refused > 15_000, "the mutants were too tame"
    assert read > 100, "the mutants were too wild"


def test_a_mutant_that_is_read_is_a_chain_python_reads_too() -> None:
    dice = random.Random(7)
    network = NETWORKS[0]
    found = 0
    for _ in range(1500):
        body = mutated(BODIES[1], dice)
        try:
            blocks = list(read_chain([body], network))
        except Refused:
            continue
        found += 1
        # As the article's nodes read it: the repeated key that we would refuse apart.
        answer = json.loads(body)
        assert [json.dumps(block, sort_keys=True) for block in answer["chain"]] == [
            block.canonical for block in blocks
        ]
    assert found > 15


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_a_million_mutants_are_read_or_refused(seed: int) -> None:
    refused, read = read_mutants(100_000, seed)
    assert refused + read == 100_000
