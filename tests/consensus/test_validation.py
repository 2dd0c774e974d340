"""What makes a block a block, and a block one in its place (protocol, sections 1, 2 and 4)."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
from dataclasses import replace
from typing import Any

import pytest

from ledger.consensus import (
    DEFAULT_CAPS,
    DVF,
    JS,
    SEED,
    Block,
    Dialect,
    Json,
    Network,
    Place,
    Reason,
    Refused,
    check_genesis,
    check_successor,
    judge,
    read_block,
)
from ledger.consensus.errors import LONGEST_DETAIL

from .chains import (
    EASY,
    body_of,
    each_dialect,
    each_python_dialect,
    in_pieces,
    make_block,
    make_chain,
    read,
    recorded,
    refusal,
)


def refused_block(
    network: Network, value: Json, *, wire: str | None = None, **caps: int
) -> Refused:
    with pytest.raises(Refused) as caught:
        read_block(value, network, wire=wire, caps=replace(DEFAULT_CAPS, **caps))
    return caught.value


def from_wire(network: Network, wire: str) -> Block:
    return read_block(network.dialect.decoder.decode(wire), network, wire=wire)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


# What is enforced, because every honest node satisfies it.


@each_dialect
@pytest.mark.parametrize("value", [None, True, 1, 1.5, "block", [], [{}]])
def test_a_block_is_an_object(dialect: Dialect, value: Json) -> None:
    assert refused_block(EASY[dialect.name], value).reason == Reason.NOT_AN_OBJECT


@each_dialect
@pytest.mark.parametrize("key", ["index", "timestamp", "transactions", "proof", "previous_hash"])
def test_a_block_has_its_five_keys(dialect: Dialect, key: str) -> None:
    block = make_block(EASY[dialect.name])
    del block[key]
    refused = refused_block(EASY[dialect.name], block)
    assert refused.reason == Reason.MISSING_KEY
    assert repr(key) in refused.detail


@each_dialect
@pytest.mark.parametrize("index", [True, 2.5, "2", None, [2], {"2": 2}])
def test_an_index_is_an_integer_and_not_a_boolean(dialect: Dialect, index: Json) -> None:
    block = make_block(EASY[dialect.name], index=index)
    assert refused_block(EASY[dialect.name], block).reason == Reason.BAD_INDEX


@each_python_dialect
def test_a_float_index_is_refused_where_it_hashes_differently(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    wire = json.dumps(make_block(network, index=2.0))
    refused = refused_block(network, dialect.decoder.decode(wire), wire=wire)
    assert refused.reason == Reason.BAD_INDEX


def test_a_float_index_is_an_integer_where_all_numbers_are_doubles() -> None:
    plain, dotted = (json.dumps(make_block(EASY["js"], index=index)) for index in (2, 2.0))
    assert plain != dotted
    assert from_wire(EASY["js"], plain) == from_wire(EASY["js"], dotted)


@each_dialect
@pytest.mark.parametrize("proof", [True, False, 1.5, "35293", None, [1], -1, -(10**30)])
def test_a_proof_is_an_integer_of_0_or_more_and_not_a_boolean(
    dialect: Dialect, proof: Json
) -> None:
    block = make_block(EASY[dialect.name], proof=proof)
    assert refused_block(EASY[dialect.name], block).reason == Reason.BAD_PROOF


@each_dialect
@pytest.mark.parametrize("timestamp", [True, "2017-09-22", None, [1], {}])
def test_a_timestamp_is_a_number_and_not_a_boolean(dialect: Dialect, timestamp: Json) -> None:
    block = make_block(EASY[dialect.name], timestamp=timestamp)
    assert refused_block(EASY[dialect.name], block).reason == Reason.BAD_TIMESTAMP


@each_dialect
@pytest.mark.parametrize(
    "transactions", [None, {}, "[]", 0, [1], [None], [[]], [{}, "x"], [{}, True]]
)
def test_transactions_are_a_list_of_objects(dialect: Dialect, transactions: Json) -> None:
    block = make_block(EASY[dialect.name], transactions=transactions)
    assert refused_block(EASY[dialect.name], block).reason == Reason.BAD_TRANSACTIONS


@pytest.mark.parametrize(
    ("dialect", "literal", "holds"),
    [
        (SEED, 1, True),
        (SEED, "1", True),
        (SEED, True, False),
        (SEED, 1.0, False),
        (SEED, 0, False),
        (SEED, None, False),
        *[
            (dialect, literal, literal == "1")
            for dialect in (DVF, JS)
            for literal in ("1", 1, True, 1.0, "", "0", "01", None, [1], {"1": 1})
        ],
    ],
    ids=lambda value: value.name if isinstance(value, Dialect) else repr(value),
)
def test_a_genesis_carries_the_dialects_literal_by_type_and_value(
    dialect: Dialect, literal: Json, holds: bool
) -> None:
    network = EASY[dialect.name]
    block = read_block(make_block(network, genesis=True, previous_hash=literal), network)
    if holds:
        check_genesis(block, network)
    else:
        with pytest.raises(Refused) as caught:
            check_genesis(block, network)
        assert caught.value.reason == Reason.BAD_GENESIS


def test_the_two_literals_the_seed_takes_hash_differently() -> None:
    number, text = (
        read_block(make_block(EASY["seed"], genesis=True, previous_hash=literal), EASY["seed"])
        for literal in (1, "1")
    )
    assert number.hash != text.hash


@each_dialect
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"proof": 101}, Reason.BAD_GENESIS),
        ({"proof": 0}, Reason.BAD_GENESIS),
        ({"index": 0}, Reason.WRONG_INDEX),
        ({"index": 2}, Reason.WRONG_INDEX),
        ({"index": -1}, Reason.WRONG_INDEX),
    ],
)
def test_a_chain_starts_at_index_1_with_proof_100(
    dialect: Dialect, changes: dict[str, Any], reason: Reason
) -> None:
    network = EASY[dialect.name]
    block = read_block(make_block(network, genesis=True, **changes), network)
    with pytest.raises(Refused) as caught:
        check_genesis(block, network)
    assert (caught.value.reason, caught.value.index) == (reason, 1)


@each_dialect
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"index": 2}, Reason.WRONG_INDEX),
        ({"index": 4}, Reason.WRONG_INDEX),
        ({"index": 0}, Reason.WRONG_INDEX),
        ({"previous_hash": "0" * 64}, Reason.WRONG_PREVIOUS_HASH),
        ({"previous_hash": 1}, Reason.WRONG_PREVIOUS_HASH),
        ({"previous_hash": None}, Reason.WRONG_PREVIOUS_HASH),
    ],
)
def test_a_block_follows_its_parent_by_index_and_hash(
    dialect: Dialect, changes: dict[str, Any], reason: Reason
) -> None:
    network = EASY[dialect.name]
    *_, parent, last = make_chain(network, 3)
    with pytest.raises(Refused) as caught:
        check_successor(
            Place.of(read_block(parent, network)), read_block(last | changes, network), network
        )
    assert (caught.value.reason, caught.value.index) == (reason, 3)


@each_dialect
def test_a_previous_hash_in_capitals_is_another_one(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    genesis, second = make_chain(network, 2)
    second["previous_hash"] = second["previous_hash"].upper()
    assert refusal(body_of([genesis, second]), network).reason == Reason.WRONG_PREVIOUS_HASH


@each_dialect
@pytest.mark.parametrize("difficulty", [1, 2])
def test_a_proof_must_reach_the_networks_difficulty(dialect: Dialect, difficulty: int) -> None:
    network = Network(dialect, difficulty)
    chain = list(make_chain(network, 4))
    assert len(read(body_of(chain), network)) == 4
    last = chain[-1]
    last["proof"] = next(
        proof
        for proof in range(10**6)
        if not network.proof_holds(chain[-2]["proof"], proof, last["previous_hash"])
    )
    refused = refusal(body_of(chain), network)
    assert (refused.reason, refused.index) == (Reason.INSUFFICIENT_PROOF, 4)


# What is not enforced, because honest old nodes do not.


@each_dialect
@pytest.mark.parametrize(
    "transactions",
    [
        pytest.param([{"sender": "0", "recipient": "me", "amount": 10**6}], id="forged reward"),
        pytest.param([{"sender": "0", "recipient": "me", "amount": 1}] * 3, id="three rewards"),
        pytest.param([], id="no reward"),
        pytest.param([{"sender": "a", "recipient": "b", "amount": -5}], id="negative amount"),
        pytest.param([{"sender": None, "recipient": [], "amount": {"a": "b"}}], id="types"),
        pytest.param([{}], id="empty transaction"),
        pytest.param([{"sender": "\ud800", "recipient": "\x00", "amount": 2**70}], id="traps"),
    ],
)
def test_what_an_honest_old_node_can_have_mined_is_carried(
    dialect: Dialect, transactions: list[Any]
) -> None:
    network = EASY[dialect.name]
    chain = list(make_chain(network, 4, [[], transactions]))
    wires = [json.dumps(block) for block in chain]
    blocks = read(('{"chain": [' + ", ".join(wires) + "]}").encode(), network)
    expected = dialect.decoder.decode(json.dumps(transactions))
    assert blocks[1].transactions == expected
    assert blocks[2].previous_hash == blocks[1].hash


@each_dialect
@pytest.mark.parametrize("timestamps", [(9, 8, 7), (0, 0, 0), (-1, 10**15, 1.5), (1e308, 0, 0)])
def test_timestamps_need_not_be_in_order(dialect: Dialect, timestamps: tuple[float, ...]) -> None:
    network = EASY[dialect.name]
    blocks: list[dict[str, Any]] = []
    for timestamp in timestamps:
        if not blocks:
            blocks.append(make_block(network, genesis=True, timestamp=timestamp))
            continue
        parent = read_block(blocks[-1], network)
        blocks.append(
            make_block(
                network,
                index=parent.index + 1,
                timestamp=timestamp,
                previous_hash=parent.hash,
            )
        )
    assert [block.timestamp for block in read(body_of(blocks), network)] == list(timestamps)


@each_python_dialect
@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_timestamp_may_be_no_finite_number_where_python_writes_one(
    dialect: Dialect, written: str
) -> None:
    network = EASY[dialect.name]
    wire = json.dumps(make_block(network)).replace("1506057125.900785", written)
    canonical = from_wire(network, wire).canonical
    assert f'"timestamp": {"Infinity" if written == "1e999" else written},' in canonical


@pytest.mark.parametrize("written", ["NaN", "Infinity", "-Infinity"])
def test_a_timestamp_that_is_not_json_is_refused_by_js(written: str) -> None:
    wire = json.dumps(make_block(EASY["js"], genesis=True)).replace("1506057125.901", written)
    assert written in wire
    assert refusal(b'{"chain": [' + wire.encode() + b"]}", EASY["js"]).reason == Reason.NOT_JSON


@each_dialect
def test_extra_keys_survive_and_are_hashed(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    extra = {"signature": "ab", "note": {"z": [1, {"y": 2}], "a": "밥"}}
    transaction = {"sender": "a", "recipient": "b", "amount": 1, "memo": "hello", "": None}
    block = read_block(make_block(network, transactions=[transaction], **extra), network)
    bare = read_block(make_block(network, transactions=[transaction]), network)
    assert block.hash != bare.hash
    assert json.loads(block.canonical)["note"] == extra["note"]
    assert json.loads(block.canonical)["transactions"] == [transaction]
    assert block.hash == hashlib.sha256(block.canonical.encode()).hexdigest()


@each_python_dialect
def test_the_hash_is_the_articles_hash(dialect: Dialect) -> None:
    block = make_block(EASY[dialect.name], transactions=[{"amount": 5.0, "é": "\ud800"}])
    expected = hashlib.sha256(json.dumps(block, sort_keys=True).encode()).hexdigest()
    assert read_block(block, EASY[dialect.name]).hash == expected


# The caps, which are the same on every node.


@each_python_dialect
@pytest.mark.parametrize("place", ["proof", "extra", "transaction", "timestamp"])
def test_an_integer_has_400_digits_at_most(dialect: Dialect, place: str) -> None:
    network = EASY[dialect.name]

    def wire(number: int) -> str:
        changes: dict[str, Any] = {place: number}
        if place == "transaction":
            changes = {"transactions": [{"amount": [number]}]}
        return json.dumps(make_block(network, **changes))

    signs = (1,) if place == "proof" else (1, -1)
    for sign in signs:
        assert str(10**400 - 1) in from_wire(network, wire(sign * (10**400 - 1))).canonical
        for digits in (401, 640, 641, 4300):
            text = wire(sign * 10 ** (digits - 1))
            with pytest.raises(Refused) as caught:
                from_wire(network, text)
            assert caught.value.reason == Reason.TOO_MANY_DIGITS


def test_a_proof_beyond_what_a_double_counts_is_no_integer_to_js() -> None:
    assert from_wire(EASY["js"], json.dumps(make_block(EASY["js"], proof=2**53 - 1))).proof
    for proof in (2**53, 10**400, 10**4000):
        wire = json.dumps(make_block(EASY["js"], proof=0)).replace(
            '"proof": 0', f'"proof": {proof}'
        )
        with pytest.raises(Refused) as caught:
            from_wire(EASY["js"], wire)
        assert caught.value.reason == Reason.BAD_PROOF


@each_dialect
def test_objects_and_lists_nest_32_deep_at_most(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    inside_a_transaction = 3  # the block, its list, the transaction
    deepest = make_block(network, transactions=[{"amount": nested(32 - inside_a_transaction)}])
    assert read_block(deepest, network)
    too_deep = make_block(network, transactions=[{"amount": nested(33 - inside_a_transaction)}])
    assert refused_block(network, too_deep).reason == Reason.TOO_DEEP
    assert read_block(make_block(network, extra=nested(31)), network)
    assert refused_block(network, make_block(network, extra=nested(32))).reason == Reason.TOO_DEEP
    assert refused_block(network, make_block(network, extra=nested(400))).reason == Reason.TOO_DEEP


@each_dialect
@pytest.mark.parametrize("filler", ["x", "밥", "🚀", "\x01", "\ud800", "é"])
def test_a_block_takes_one_mebibyte_at_most_and_not_a_byte_more(
    dialect: Dialect, filler: str
) -> None:
    network = EASY[dialect.name]
    cap = DEFAULT_CAPS.block_bytes

    def taken(name: str) -> int:
        block = make_block(network, transactions=[{"sender": name}])
        return len(network.canonical(block).encode())

    one = taken(filler * 2) - taken(filler)
    name = filler * ((cap - taken("")) // one)
    name += "x" * (cap - taken(name))
    assert taken(name) == cap
    block = make_block(network, transactions=[{"sender": name}])
    assert len(read_block(block, network).canonical.encode()) == cap
    larger = make_block(network, transactions=[{"sender": name + "x"}])
    assert refused_block(network, larger).reason == Reason.BLOCK_TOO_LARGE


@pytest.mark.parametrize("network", [EASY["seed"], EASY["js"]], ids=str)
@pytest.mark.parametrize(
    ("filler", "cost"),
    [
        pytest.param("{", 1, id="nothing but braces"),
        pytest.param([nested(27)], 58, id="lists in lists"),
        pytest.param([{"": {}}], 10, id="objects in objects"),
    ],
)
def test_full_blocks_that_cost_much_to_read_are_still_read(
    network: Network, filler: Any, cost: int
) -> None:
    caps = replace(DEFAULT_CAPS, block_bytes=64 * 1024, wire_block_bytes=256 * 1024)
    extra = filler * ((caps.block_bytes - 400) // cost)
    hashes: list[str] = []
    wires = []
    for index in range(1, 6):
        changes: dict[str, Any] = {"index": index, "extra": extra}
        if hashes:
            changes["previous_hash"] = hashes[-1]
        block = make_block(network, genesis=not hashes, **changes)
        size = len(network.canonical(block).encode())
        assert 0.5 * caps.block_bytes < size <= caps.block_bytes
        hashes.append(read_block(block, network, caps=caps).hash)
        # No longer a small text, so that its structure is counted, and not only its own: what
        # follows it has come along.
        wires.append(json.dumps(block)[:-1] + " " * (index * 8 * 1024) + "}")
    body = ('{"chain": [' + ",".join(wires) + "]}").encode()
    found = read(in_pieces(body, 16 * 1024), network, caps)
    assert [block.hash for block in found] == hashes


# A key that is repeated.

REPEATED = [
    ('"amount": 1', '"amount": 1, "amount": 1'),
    ('"amount": 1', '"amount": 5, "amount": 1'),
    ('"amount": 1', '"amoun\\u0074": 5, "amount": 1'),
    ('"amount": 1', '"": 5, "amount": 1, "": 5'),
    ('"proof": 35293', '"proof": 1, "proof": 35293'),
    # The repeated key takes two quotes with it, and escaped quotes bring two back.
    ('"amount": 1', '"\\u0022": 1, "\\u0022": 2, "amount": 1'),
    ('"amount": 1', '"a\\u0022": 1, "a\\u0022": 2, "amount": "\\u0022"'),
    ('"amount": 1', '"amount": "\\u0022\\u0022", "amount": 1'),
    ('"amount": 1', '"amount": 5, "amount": 1, "memo": "\\u0022\\u0022"'),
    ('"amount": 1', '"amount": 5, "amount": 1, "memo": "\\u0022 \\u0022"'),
    ('"amount": 1', '"amount": 5, "amount": 1, "memo": "\\\\\\u0022\\u0022"'),
]


@each_dialect
@pytest.mark.parametrize(("once", "twice"), REPEATED)
def test_a_key_that_is_repeated_is_refused(dialect: Dialect, once: str, twice: str) -> None:
    network = EASY[dialect.name]
    wire = json.dumps(make_block(network, transactions=[{"amount": 1}]))
    assert wire.count(once) == 1
    assert from_wire(network, wire)
    with pytest.raises(Refused) as caught:
        from_wire(network, wire.replace(once, twice))
    assert caught.value.reason == Reason.DUPLICATE_KEY
    assert caught.value.index == 2


@each_dialect
@pytest.mark.parametrize(
    "harmless",
    [
        '"amount": "\\u0022"',
        '"\\u0022": 1, "amount": "\\u0022\\u0022"',
        '"amount": "\\\\u0022"',
        '"amount": "\\"\\""',
        '"amount": {"amount": {"amount": 1}}',
        '"a": 1, "A": 1, "\\u00e9": 1, "e\\u0301": 1',
    ],
)
def test_escaped_quotes_and_similar_keys_are_no_repetition(dialect: Dialect, harmless: str) -> None:
    network = EASY[dialect.name]
    wire = json.dumps(make_block(network, transactions=[{"amount": 1}]))
    assert from_wire(network, wire.replace('"amount": 1', harmless))


def test_looking_for_repetitions_reads_no_numbers() -> None:
    wire = json.dumps(make_block(EASY["js"], transactions=[{"\\u0022": 1}]))
    wire = wire.replace("\\\\u0022", "\\u0022").replace(": 1}", ": " + "1" * 5000 + "}")
    assert '"\\"":null' in from_wire(EASY["js"], wire).canonical


# Refusals.


@each_dialect
def test_a_refusal_never_carries_a_peers_long_text(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    long = "\u202e<script>\n" * 10_000
    genesis, second = make_chain(network, 2)
    answers: list[bytes] = [
        body_of([genesis | {"previous_hash": long}]),
        body_of([genesis | {"previous_hash": {long: [long] * 10}}]),
        body_of([genesis | {"proof": 10**399}]),
        body_of([genesis | {"index": 10**399}]),
        body_of([genesis | {"index": -(10**399)}]),
        body_of([genesis, second | {"previous_hash": long}]),
        body_of([genesis, second | {"index": 10**399}]),
        body_of([long]),
        long.encode(),
        b'{"' + long.encode() + b'"}',
        b'{"chain": "' + long.encode() + b'"}',
    ]
    for answer in answers:
        refused = refusal(answer, network)
        assert len(refused.detail) <= LONGEST_DETAIL
        assert len(str(refused)) <= 2 * LONGEST_DETAIL
        assert str(refused).isprintable(), "what a peer sent is quoted, never copied"


def test_a_refusals_detail_is_cut_at_200_characters() -> None:
    assert Refused(Reason.NOT_JSON, "x" * 200).detail == "x" * 200
    assert Refused(Reason.NOT_JSON, "x" * 201).detail == "x" * 199 + "…"


def test_a_refusal_can_be_copied_and_sent_to_another_process() -> None:
    refused = Refused(Reason.BAD_PROOF, "why", index=7)
    refused.network = "speaks dvf"
    for again in (copy.copy(refused), pickle.loads(pickle.dumps(refused))):  # noqa: S301
        assert str(again) == str(refused) == "block 7: why (speaks dvf)"
        assert (again.reason, again.index) == (Reason.BAD_PROOF, 7)


def test_a_refusal_names_the_place_in_the_chain_and_not_the_one_a_block_claims() -> None:
    genesis, second = make_chain(EASY["seed"], 2)
    refused = refusal(body_of([genesis, second | {"index": 77, "proof": -1}]), EASY["seed"])
    assert (refused.reason, refused.index) == (Reason.BAD_PROOF, 2)


# Judging a stream.


@each_dialect
def test_a_chain_may_be_judged_from_its_middle(dialect: Dialect) -> None:
    network = Network(dialect, 4)
    blocks = read(recorded(dialect.name), network)
    assert list(judge(blocks[4:], network, parent=Place.of(blocks[3]))) == blocks[4:]
    with pytest.raises(Refused):
        list(judge(blocks[4:], network))
    with pytest.raises(Refused):
        list(judge(blocks[4:], network, parent=Place.of(blocks[2])))


@each_dialect
def test_valid_blocks_pass_before_the_fault_is_reached(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    chain = list(make_chain(network, 3))
    chain[2]["index"] = 4
    passed = []
    with pytest.raises(Refused):
        for block in judge((read_block(value, network) for value in chain), network):
            passed.append(block.index)
    assert passed == [1, 2]


@pytest.mark.parametrize("difficulty", [-1, 17])
def test_a_network_has_a_difficulty_of_0_to_16(difficulty: int) -> None:
    with pytest.raises(ValueError, match="difficulty"):
        Network(SEED, difficulty)


@each_dialect
def test_our_own_genesis_and_reward_are_what_the_rules_ask_for(dialect: Dialect) -> None:
    network = EASY[dialect.name]
    check_genesis(read_block(network.genesis(1506057125.9007851), network), network)
    assert network.reward("me") == {"sender": "0", "recipient": "me", "amount": 1}


@pytest.mark.parametrize(
    ("seconds", "written"), [(1506057125.9007, "1506057125.901"), (1506057125.0, "1506057125")]
)
def test_a_js_timestamp_is_whole_milliseconds(seconds: float, written: str) -> None:
    genesis = EASY["js"].genesis(seconds)
    assert f'"timestamp":{written},' in EASY["js"].canonical(genesis)
