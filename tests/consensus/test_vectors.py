"""Chains recorded from real nodes of each dialect: what they served, read by our rules."""

from __future__ import annotations

import hashlib
import json
import random
import re

import pytest

from ledger.consensus import DVF, JS, SEED, Dialect, Network, Reason, hash_of, read_block

from .chains import (
    DIALECTS,
    VECTORS,
    each_dialect,
    in_pieces,
    in_random_pieces,
    read,
    recorded,
    recorded_tips,
    refusal,
    texts,
)

README = (VECTORS / "README.md").read_text()


def single_vectors() -> dict[str, tuple[str, str]]:
    """The README's table of single vectors: what it is, to its bytes and their hash."""
    table = README[README.index("Single vectors") :]
    rows = re.findall(r"^\| ([\w ]+?`?\d*`?) \| (.*?) \| ([0-9a-f]{64}) \|$", table, re.MULTILINE)
    return {name: (words, digest) for name, words, digest in rows}


def test_there_is_a_recorded_chain_for_every_dialect() -> None:
    assert set(recorded_tips()) == {dialect.name for dialect in DIALECTS}
    assert len(single_vectors()) == 4


@each_dialect
def test_a_recorded_chain_is_read_to_the_tip_the_readme_names(dialect: Dialect) -> None:
    length, tip = recorded_tips()[dialect.name]
    blocks = read(recorded(dialect.name), Network(dialect, 4))
    assert [block.index for block in blocks] == list(range(1, length + 1))
    assert blocks[-1].hash == tip


@each_dialect
def test_each_block_of_a_recorded_chain_reads_the_same_from_its_canonical_text(
    dialect: Dialect,
) -> None:
    network = Network(dialect, 4)
    for block in read(recorded(dialect.name), network):
        again = read_block(dialect.decoder.decode(block.canonical), network, wire=block.canonical)
        assert again == block
        assert hash_of(block.canonical) == block.hash


@each_dialect
def test_the_served_canonical_texts_are_the_same_chain(dialect: Dialect) -> None:
    network = Network(dialect, 4)
    blocks = read(recorded(dialect.name), network)
    body = '{"chain": [' + ", ".join(block.canonical for block in blocks) + '], "length": 9}'
    assert read(body.encode(), network) == blocks


@pytest.mark.parametrize("name", ["seed", "dvf"])
def test_the_articles_own_hash_agrees_on_every_recorded_block(name: str) -> None:
    blocks = read(recorded(name), Network({"seed": SEED, "dvf": DVF}[name], 4))
    chain = json.loads(recorded(name))["chain"]
    assert [block.hash for block in blocks] == [
        hashlib.sha256(json.dumps(block, sort_keys=True).encode()).hexdigest() for block in chain
    ]


@each_dialect
def test_the_single_genesis_vector_has_its_bytes_and_its_hash(dialect: Dialect) -> None:
    words, digest = single_vectors()[dialect.name]
    genesis = Network(dialect).genesis(0) | {"timestamp": 1506057125.900785}
    block = read_block(genesis, Network(dialect))
    assert block.hash == digest
    if quoted := re.fullmatch(r"`(\{.*\})`", words):
        assert block.canonical == quoted[1]
    else:
        assert re.search("`(.*)`", words)[1] in block.canonical  # type: ignore[index]


def test_the_single_proof_vector_has_its_bytes_and_its_hash() -> None:
    message = Network(SEED).proof_message(100, 35293, "whatever")
    words, digest = single_vectors()[f"seed proof bytes `{message.decode()}`"]
    assert words == "last proof 100, proof 35293"
    assert hashlib.sha256(message).hexdigest() == digest
    assert Network(SEED, 4).proof_holds(100, 35293, "whatever")
    assert not Network(SEED, 5).proof_holds(100, 35293, "whatever")


@pytest.mark.parametrize(
    ("spoken", "own"),
    [(spoken, own) for spoken in DIALECTS for own in DIALECTS if own != spoken],
    ids=lambda dialect: dialect.name,
)
def test_another_dialects_chain_is_refused_by_name(spoken: Dialect, own: Dialect) -> None:
    refused = refusal(recorded(spoken.name), Network(own, 4))
    assert refused.network == (
        f"speaks {spoken.name}, difficulty 4; this node speaks {own.name}, difficulty 4:"
        " chains cannot merge"
    )
    assert refused.network in str(refused)


def test_another_dialects_chain_is_refused_where_it_first_differs() -> None:
    def where(spoken: Dialect, own: Dialect) -> tuple[Reason, int | None]:
        refused = refusal(recorded(spoken.name), Network(own, 4))
        return refused.reason, refused.index

    assert where(SEED, DVF) == (Reason.BAD_GENESIS, 1)
    assert where(SEED, JS) == (Reason.BAD_GENESIS, 1)
    assert where(DVF, SEED) == (Reason.INSUFFICIENT_PROOF, 2)  # the seed takes "1" from a peer
    assert where(DVF, JS) == (Reason.WRONG_PREVIOUS_HASH, 2)
    assert where(JS, SEED) == (Reason.WRONG_PREVIOUS_HASH, 2)
    assert where(JS, DVF) == (Reason.WRONG_PREVIOUS_HASH, 2)


@each_dialect
def test_a_harder_network_says_that_the_difficulty_differs(dialect: Dialect) -> None:
    refused = refusal(recorded(dialect.name), Network(dialect, 6))
    assert refused.reason == Reason.INSUFFICIENT_PROOF
    assert refused.network.startswith(f"speaks {dialect.name}, difficulty 4; this node speaks")


@each_dialect
def test_an_easier_network_takes_the_chain(dialect: Dialect) -> None:
    assert read(recorded(dialect.name), Network(dialect, 3)) == read(
        recorded(dialect.name), Network(dialect, 4)
    )


@each_dialect
def test_wherever_a_recorded_body_is_cut_it_reads_the_same(dialect: Dialect) -> None:
    network = Network(dialect, 4)
    body = recorded(dialect.name)
    whole = texts(body, network)
    for cut in range(len(body) + 1):
        assert texts([body[:cut], body[cut:]], network) == whole, f"cut at byte {cut}"


@each_dialect
def test_a_recorded_body_in_pieces_of_any_size_is_the_same_chain(dialect: Dialect) -> None:
    network = Network(dialect, 4)
    body = recorded(dialect.name)
    whole = read(body, network)
    for size in (1, 2, 3, 16, 17, 255, 256, 257, 1000, len(body)):
        assert read(in_pieces(body, size), network) == whole, f"pieces of {size}"


@each_dialect
@pytest.mark.parametrize("seed", range(12))
def test_a_recorded_body_in_random_pieces_is_the_same_chain(dialect: Dialect, seed: int) -> None:
    network = Network(dialect, 4)
    body = recorded(dialect.name)
    assert read(in_random_pieces(body, random.Random(seed)), network) == read(body, network)
