"""What holds of every chain."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.consensus import Dialect, Network, Refused, read_block
from ledger.consensus.fork_choice import prefers

from .chains import EASY, body_of, each_dialect, in_pieces, make_chain, read, recorded, texts
from .values import json_values, scalars, strings

transactions = st.lists(
    st.one_of(
        st.fixed_dictionaries({"sender": strings, "recipient": strings, "amount": scalars}),
        st.dictionaries(strings, json_values, max_size=4),
    ),
    max_size=3,
)
contents = st.lists(transactions, min_size=1, max_size=4)


def served(network: Network, blocks: list[dict[str, Any]]) -> bytes:
    """A body as a node of the dialect writes it, which `json.dumps` alone would not for js."""
    inner = ",".join(map(network.canonical, blocks))
    return f'{{"chain":[{inner}],"length":{len(blocks)}}}'.encode()


@each_dialect
@settings(max_examples=25, deadline=None)
@given(contents=contents)
def test_every_prefix_of_a_valid_chain_is_valid(dialect: Dialect, contents: list[Any]) -> None:
    network = EASY[dialect.name]
    chain = list(make_chain(network, len(contents) + 1, contents))
    whole = read(served(network, chain), network)
    for length in range(1, len(chain) + 1):
        assert read(served(network, chain[:length]), network) == whole[:length]


@each_dialect
@settings(max_examples=25, deadline=None)
@given(contents=contents, size=st.integers(1, 400))
def test_reading_does_not_depend_on_the_cutting(
    dialect: Dialect, contents: list[Any], size: int
) -> None:
    network = EASY[dialect.name]
    body = served(network, list(make_chain(network, len(contents), contents)))
    assert read(in_pieces(body, size), network) == read(body, network)


@each_dialect
@settings(max_examples=30, deadline=None)
@given(answer=st.one_of(json_values, st.fixed_dictionaries({"chain": json_values})))
def test_any_answer_is_refused_or_read_the_same_however_it_is_cut(
    dialect: Dialect, answer: Any
) -> None:
    network = EASY[dialect.name]
    body = json.dumps(answer).encode()

    def outcome(chunks: list[bytes]) -> object:
        try:
            return texts(chunks, network)
        except Refused as refused:
            return refused.reason, refused.detail

    whole = outcome([body])
    assert outcome(in_pieces(body, 1)) == whole
    assert outcome(in_pieces(body, 7)) == whole


def places(value: Any) -> list[tuple[Any, Any]]:
    """Each place in a JSON value that something else could be put: a container and a key."""
    if isinstance(value, dict):
        keys: list[Any] = list(value)
    elif isinstance(value, list):
        keys = list(range(len(value)))
    else:
        return []
    below = [place for key in keys for place in places(value[key])]
    return [(value, key) for key in keys] + below


@each_dialect
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_edit_of_a_block_that_is_not_the_tip_is_refused(
    dialect: Dialect, data: st.DataObject
) -> None:
    network = Network(dialect, 4)
    chain = dialect.decoder.decode(recorded(dialect.name).decode())["chain"]
    block = chain[data.draw(st.integers(0, len(chain) - 2), label="block")]
    before = network.canonical(block)
    container, key = data.draw(st.sampled_from(places(block)), label="place")
    change = data.draw(st.sampled_from(["replace", "delete", "add", "rename"]), label="change")
    if change == "delete":
        del container[key]
    elif change == "replace" or not isinstance(container, dict):
        container[key] = data.draw(json_values, label="value")
    elif change == "add":
        container[data.draw(strings, label="key")] = data.draw(json_values, label="value")
    else:
        container[data.draw(strings, label="key")] = container.pop(key)
    if network.canonical(block) == before:
        return
    with pytest.raises(Refused):
        read(served(network, chain), network)


@each_dialect
def test_blocks_that_change_places_are_refused(dialect: Dialect) -> None:
    network = Network(dialect, 4)
    chain = dialect.decoder.decode(recorded(dialect.name).decode())["chain"]
    for at in range(len(chain) - 1):
        swapped = [*chain[:at], chain[at + 1], chain[at], *chain[at + 2 :]]
        missing = [*chain[:at], *chain[at + 1 :]]
        doubled = [*chain[: at + 1], *chain[at:]]
        for wrong in (swapped, missing, doubled):
            with pytest.raises(Refused):
                read(served(network, wrong), network)


@settings(max_examples=200)
@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_only_a_strictly_longer_chain_replaces_ours(candidate: int, own: int) -> None:
    assert not prefers(own, own)
    assert prefers(own + 1, own)
    assert not (prefers(candidate, own) and prefers(own, candidate))
    assert prefers(candidate, own) == (candidate > own)


@each_dialect
def test_a_tip_that_was_changed_without_new_work_does_not_replace_ours(dialect: Dialect) -> None:
    """Nothing binds the tip's contents yet, so the changed chain is valid; but it is no longer."""
    network = Network(dialect, 4)
    chain = dialect.decoder.decode(recorded(dialect.name).decode())["chain"]
    ours = read(served(network, chain), network)
    chain[-1]["transactions"].append({"sender": "0", "recipient": "thief", "amount": 10**6})
    theirs = read(served(network, chain), network)
    assert theirs[:-1] == ours[:-1] and theirs[-1] != ours[-1]
    assert not network.prefers(len(theirs), len(ours))


@each_dialect
@settings(max_examples=40, deadline=None)
@given(contents=transactions)
def test_a_block_served_and_read_again_keeps_its_hash(
    dialect: Dialect, contents: list[Any]
) -> None:
    network = EASY[dialect.name]
    value = network.genesis(1.5) | {"transactions": contents}
    text = network.canonical(value)
    block = read_block(dialect.decoder.decode(text), network, wire=text)
    assert block.canonical == text
    assert [again.hash for again in read(served(network, [value]), network)] == [block.hash]


def test_flask_and_python_agree_on_a_body() -> None:
    network = EASY["seed"]
    chain = list(make_chain(network, 3))
    assert read(body_of(chain), network) == read(served(network, chain), network)
