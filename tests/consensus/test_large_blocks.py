"""A large block is read in little memory, and comes to the same as if it were a small one."""

from __future__ import annotations

import contextlib
import json
import random
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.consensus import (
    DEFAULT_CAPS,
    JS,
    SEED,
    Block,
    Caps,
    Dialect,
    Network,
    Reason,
    Refused,
    chain_body,
    large_blocks,
    read_block,
    read_text,
)
from ledger.consensus.large_blocks import read_large_block

from .chains import (
    EASY,
    body_of,
    each_dialect,
    in_random_pieces,
    make_block,
    make_chain,
    read,
    recorded,
    recorded_tips,
)

MIB = 1024 * 1024
LEAVES = (
    *[
        "0",
        "-0",
        "1",
        "-17",
        "1.0",
        "1e5",
        "1E400",
        "-2.50",
        "123456789012345678901",
        "1e-7",
        "9" * 400,
    ],
    *['""', '"a"', '"\\u0022"', '"\\ud83d\\ude00"', '"\\ud800"', '"밥, 🚀] }"', '"\\\\"', '"\\/ "'],
    *["true", "false", "null", "NaN", "-Infinity", "{}", "[]", '{"a":1}', '{"b":{"a":[[]]}}'],
)
WRONG = (
    *[
        "9" * 401,
        "9" * 700,
        '{"a":1,"a":2}',
        '{"a":1,"\\u0061":1}',
        "01",
        "1.",
        "tru",
        "",
        '"\x01"',
        "'a'",
    ],
    *['{"a":1,}', "[1,]", "[1 2]", '{"a" 1}', "{1:2}", '"\\x"', "{}{}", "[[]", '"\\', "1\v"],
)
KEYS = (
    '""',
    '"a"',
    '"b"',
    '"é"',
    '"\\u00e9\\u0301"',
    '"\uffff"',
    '"🚀"',
    '"\\ud800"',
    '"c c"',
    '"\\""',
)


def as_small(text: str, network: Network, caps: Caps = DEFAULT_CAPS) -> Block | None:
    try:
        value = network.dialect.decoder.decode(text)
        return read_block(value, network, wire=text, caps=caps)
    except (Refused, ValueError, RecursionError):
        return None


def as_large(text: str, network: Network, caps: Caps = DEFAULT_CAPS) -> Block | None:
    try:
        return read_large_block(text.encode(), network, caps)
    except Refused:
        return None


def same(text: str, network: Network, caps: Caps = DEFAULT_CAPS) -> bool:
    """Whether it is a block at all; both ways to read it say the same."""
    small, large = as_small(text, network, caps), as_large(text, network, caps)
    if small is None or large is None:
        assert small is large, text[:2000]
        return False
    # As texts: NaN differs from itself, and the order of keys does not count.
    assert (large.canonical, large.hash) == (small.canonical, small.hash)
    assert repr(large.timestamp) == repr(small.timestamp)
    assert network.canonical(list(large.transactions)) == network.canonical(small.transactions)
    assert len(large.transactions) == len(small.transactions)
    assert (large.index, large.proof) == (small.index, small.proof)
    assert large.previous_hash == small.previous_hash
    return True


def any_text(dice: random.Random, room: int, wrong: float) -> str:
    """Some JSON value, about so many characters long, spaced in any way; or nearly one."""
    space = "".join(dice.choices(("", "", "", " ", "\n\t"), k=1))
    if room < 20 or dice.random() < 0.2:
        return space + dice.choice(WRONG if dice.random() < wrong else LEAVES) + space
    count = dice.choice((1, 2, 3, 10, 40))
    if dice.random() < 0.3:
        one = any_text(dice, room // count, wrong)
        return f"[{','.join([one] * count)}]"
    items = [any_text(dice, room // count, wrong) for _ in range(count)]
    if dice.random() < 0.5:
        return f"{space}[{f'{space},'.join(items)}]"
    keys = dice.sample(KEYS, k=min(count, len(KEYS)))
    return "{" + ",".join(f"{space}{k}{space}:{v}" for k, v in zip(keys, items, strict=False)) + "}"


def block_text(network: Network, dice: random.Random, *, wrong: float = 0.0) -> str:
    members = {key: json.dumps(value) for key, value in make_block(network, genesis=True).items()}
    transactions = [
        f'{{"a":{any_text(dice, dice.choice((5, 50, 500)), wrong)}}}'
        for _ in range(dice.choice((0, 1, 5, 50)))
    ]
    members["transactions"] = f"[{', '.join(transactions)}]"
    members["extra"] = any_text(dice, dice.choice((10, 1000, 4000)), wrong)
    if dice.random() < wrong:
        members[dice.choice(list(members))] = dice.choice((*LEAVES, *WRONG))
    items = [f'"{key}":{value}' for key, value in members.items()]
    dice.shuffle(items)
    return "{" + ",".join(items) + "}"


@pytest.mark.parametrize("dialect", [SEED, JS], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("window", [8, 64, 4096])
def test_any_block_comes_to_the_same(
    dialect: Dialect, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_blocks, "_WINDOW", window)
    network = EASY[dialect.name]
    for seed in range(15):
        dice = random.Random(seed)
        good = sum(same(block_text(network, dice), network) for _ in range(2))
        assert good == 2 or dialect is JS, seed  # NaN is not JSON there
        same(block_text(network, dice, wrong=0.02), network)
        text = block_text(network, dice)
        at = dice.randrange(len(text))
        for edit in ("", dice.choice('{}[],:"\\0a \v'), "\\"):
            same(text[:at] + edit + text[at + 1 :], network)


@each_dialect
def test_every_chain_reads_the_same(dialect: Dialect, monkeypatch: pytest.MonkeyPatch) -> None:
    body, network = recorded(dialect.name), Network(dialect, 4)
    odd = [{"sender": "밥 🚀", "recipient": '\\"\n', "amount": 1.5e-7, "x": [None, [True], -12]}]
    made = body_of(make_chain(EASY[dialect.name], 5, [odd * n for n in range(5)]))
    whole, others = read(body, network), read(made, EASY[dialect.name])
    monkeypatch.setattr(chain_body, "LARGE", 1)
    for seed in range(3):
        dice = random.Random(seed)
        assert read(in_random_pieces(body, dice), network) == whole
        assert read(in_random_pieces(made, dice), EASY[dialect.name]) == others
    assert not isinstance(read(body, network)[1].transactions, list), "this way was taken"
    length, tip = recorded_tips()[dialect.name]
    assert (len(whole), whole[-1].hash) == (length, tip)


def filled(network: Network, fill: Callable[[int], Any], size: int) -> str:
    """A genesis whose canonical text has just so many bytes."""
    empty = len(network.canonical(make_block(network, genesis=True, extra=fill(0))).encode())
    block = make_block(network, genesis=True, extra=fill(size - empty))
    text = network.canonical(block)
    assert len(text.encode()) == size
    return json.dumps(block, ensure_ascii=False, separators=(",", ":"))


@each_dialect
@pytest.mark.parametrize("spare", [0, 1])
@pytest.mark.parametrize("kind", ["string", "list", "lists", "escapes"])
def test_a_block_takes_as_many_bytes_as_a_small_one_and_not_one_more(
    dialect: Dialect, spare: int, kind: str
) -> None:
    network = EASY[dialect.name]
    each = 2 + len(network.dialect.separator)

    def fill(size: int) -> Any:
        if kind == "string":
            return "x" * size
        if kind == "escapes":
            return "\\" * (size // 2) + "x" * (size % 2)
        rest = size % each
        one: Any = [] if kind == "lists" else 10
        return ["x" * rest, *[one] * (size // each)]

    caps = replace(DEFAULT_CAPS, block_bytes=30_000)
    text = filled(network, fill, caps.block_bytes + spare)
    assert same(text, network, caps) == (not spare)


@each_dialect
def test_it_nests_as_deep_as_a_small_one_and_not_deeper(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    for fillers in (0, 3000):  # beside it: so that it lies in the window, or not
        for deep, is_block in ((31, True), (32, False), (900, False)):
            for opening, closing in (("[", "]"), ('{"a":', "}")):
                nested = opening * (deep - 1) + "[]" + closing * (deep - 1)
                inner = ",".join(["{}"] * fillers + [nested])
                text = json.dumps(make_block(network, genesis=True, extra="@"))
                assert same(text.replace('"@"', nested), network) == is_block
                wide = f"[[{inner}],1]"
                is_still = is_block and deep < 30
                assert same(text.replace('"@"', wide), network) == is_still


def test_a_repeated_key_is_found_however_far_apart() -> None:
    network = EASY["seed"]
    text = json.dumps(make_block(network, genesis=True, extra="@"))
    for filler in ("1", f'"{"x" * 9000}"', f"[{'{},' * 9000}1]"):
        for members in (f'"a":{filler},"b":1,"a":1', f'"a":1,"b":{filler},"\\u0061":1'):
            with pytest.raises(Refused) as refused:
                read_large_block(text.replace('"@"', f"{{{members}}}").encode(), network)
            assert refused.value.reason == Reason.DUPLICATE_KEY
    with pytest.raises(Refused) as refused:
        read_large_block(text.replace('"extra"', '"index"').encode(), network)
    assert refused.value.reason == Reason.DUPLICATE_KEY


def test_transactions_are_a_sequence() -> None:
    network = EASY["seed"]
    values = [{"a": n, "b": [{}]} for n in range(5)]
    text = json.dumps(make_block(network, genesis=True, transactions=values))
    found = read_large_block(text.encode(), network).transactions
    assert len(found) == 5
    assert found[0] == values[0]
    assert found[-1] == values[-1]
    assert found[1:3] == values[1:3]
    assert list(found) == values == found
    assert found != values[:4]
    for outside in (5, -6):
        with pytest.raises(IndexError):
            found[outside]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", Reason.NOT_JSON),
        (b"\xff", Reason.NOT_JSON),
        (b"[]", Reason.NOT_AN_OBJECT),
        (b"[" * 100_000, Reason.TOO_DEEP),
        (b'{"a":' * 100_000, Reason.TOO_DEEP),
        (b"[" + b" " * 50_000 + b"]", Reason.NOT_AN_OBJECT),
        (b"{" + b" " * 50_000 + b"}", Reason.MISSING_KEY),
        (b"{" + b" " * 50_000 + b"}x", Reason.NOT_JSON),
    ],
)
def test_a_text_that_is_no_block_is_refused(text: bytes, reason: Reason) -> None:
    with pytest.raises(Refused) as refused:
        read_text(text, EASY["seed"])
    assert refused.value.reason == reason


@each_dialect
def test_a_text_is_read_alone_too(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    for count in (1, 5000):
        value = make_block(network, genesis=True, transactions=[{"a": 1}] * count)
        block = read_text(network.canonical(value).encode(), network)
        assert block == read_block(value, network)


@pytest.mark.parametrize(
    ("dialect", "content"),
    [
        pytest.param(SEED, "{}", id="objects"),
        pytest.param(SEED, "[" * 27 + "]" * 27, id="lists in lists"),
        pytest.param(SEED, '{"":{"":{"":0}}}', id="objects in objects"),
        pytest.param(SEED, '{"":0,"":0}', id="repeated keys"),
        pytest.param(JS, '"🚀"', id="wide characters"),
    ],
)
def test_the_worst_blocks_take_little_memory(dialect: Dialect, content: str) -> None:
    """On a scale of one to eight. Decoded as a whole, lists in lists take 45 MB of a mebibyte, and
    as much again to be checked."""
    network = EASY[dialect.name]
    many = ",".join([content] * (MIB // 8 // (len(content.encode()) + 1)))
    text = json.dumps(make_block(network, genesis=True, extra="@")).replace('"@"', f"[{many}]")
    data = text.encode()
    caps = replace(DEFAULT_CAPS, block_bytes=MIB // 8)
    tracemalloc.start()
    try:
        with contextlib.suppress(Refused):
            read_large_block(data, network, caps)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB // 8
