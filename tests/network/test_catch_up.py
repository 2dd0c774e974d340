"""Catching up with a node of our kind: the fork point, the stream, and what breaks it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.consensus import Caps, Refused, hash_of
from ledger.models import Block, Event, Reorganisation, Tip
from ledger.node import bulk, lifecycle, operator
from ledger.node.conf import NodeConf
from ledger.node.errors import MarkedInvalid
from ledger.node.network import catch_up, serving
from ledger.node.network.client import PeerFailed
from ledger.node.writer import Writer
from tests.node.chains import NETWORK, active_texts, adopt, genesis, grow, reward, texts_up_to

from .new_node import Break, NewNode


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=NETWORK.difficulty, peer_deadline=10.0)


Followed = Callable[[NewNode], catch_up.CaughtUp]


@pytest.fixture
def follow(node: lifecycle.Node) -> Followed:
    return lambda peer: node.duties.catch_up.run(peer.address)


def chain(length: int, seconds: float = 5.0) -> list[str]:
    return grow([genesis(seconds)], [[reward("them")]] * (length - 1), seconds)


def tip() -> int:
    return Tip.objects.get(pk=1).index


def test_a_whole_chain_of_another_genesis_is_adopted_and_recorded(follow: Followed) -> None:
    theirs = chain(30)
    with NewNode(theirs, NETWORK) as peer:
        done = follow(peer)
    assert (done.fork_index, done.reached.index, done.complete) == (0, 30, True)
    assert active_texts() == theirs
    assert Reorganisation.objects.get().connected == 30
    assert lifecycle.verify().sound


def test_one_new_block_is_one_small_exchange(node: lifecycle.Node, follow: Followed) -> None:
    theirs = chain(300)
    adopt(theirs[:-1], node.writer)
    with NewNode(theirs, NETWORK) as peer:
        sent: list[bytes] = []
        peer.on_blocks = lambda lines: (sent.append(line) or line for line in lines)
        done = follow(peer)
        assert len(peer.asked) == 1
        assert len(peer.asked[0]) < 64 * 70
    assert len(sent) == 2  # the head, and the block
    assert (done.fork_index, tip()) == (299, 300)


@pytest.mark.parametrize("depth", [1, 2, 7, 8, 9, 40, 150, 298, 299])
def test_a_fork_is_found_at_any_depth(node: lifecycle.Node, follow: Followed, depth: int) -> None:
    trunk = chain(300)
    adopt(trunk, node.writer)
    theirs = grow(trunk[: 300 - depth], [[reward("others")]] * (depth + 1), 9.0)
    with NewNode(theirs, NETWORK) as peer:
        done = follow(peer)
    assert done.fork_index <= 300 - depth
    assert active_texts() == theirs
    switch = Reorganisation.objects.latest("pk")
    assert (switch.fork_index, switch.disconnected) == (300 - depth, depth)
    assert lifecycle.verify().sound


@pytest.mark.parametrize("length", [1, 2, 8, 9, 100, 5000])
def test_a_locator_begins_with_the_tip_and_ends_with_the_genesis(
    node: lifecycle.Node, monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    ours = chain(min(length, 300))
    if length > 1:
        adopt(ours, node.writer)
    found = serving.locator()
    texts = active_texts()
    assert found[0] == hash_of(texts[-1])
    assert found[-1] == hash_of(texts[0])
    assert len(found) == len(set(found)) <= serving.LONGEST_LOCATOR


def test_what_is_not_longer_changes_nothing_and_is_not_stored(
    node: lifecycle.Node, follow: Followed
) -> None:
    ours = chain(20)
    adopt(ours, node.writer)
    with NewNode(grow(ours[:10], [[reward("x")]] * 10, 7.0), NETWORK) as peer:
        done = follow(peer)
        assert (done.fork_index <= 10, done.switch, done.complete) == (True, None, True)
    assert active_texts() == ours
    assert Block.objects.count() == 21  # with the genesis of this node


class TestInterrupted:
    def test_what_extends_our_chain_is_kept_and_gone_on_with(
        self, follow: Followed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        theirs = chain(60)
        with NewNode(theirs, NETWORK) as peer:
            peer.on_blocks = lambda lines: cut(lines, 41)
            with pytest.raises(PeerFailed):
                follow(peer)
            assert tip() == 40
            peer.on_blocks = lambda lines: lines
            done = follow(peer)
            assert (done.fork_index, tip()) == (40, 60)
        assert active_texts() == theirs

    def test_what_is_not_longer_yet_is_gone_on_with_where_it_broke(
        self, node: lifecycle.Node, follow: Followed
    ) -> None:
        ours, theirs = chain(50), chain(60, 8.0)
        adopt(ours, node.writer)
        with NewNode(theirs, NETWORK) as peer:
            peer.on_blocks = lambda lines: cut(lines, 31)
            with pytest.raises(PeerFailed):
                follow(peer)
            assert active_texts() == ours
            sent: list[bytes] = []
            peer.on_blocks = lambda lines: (sent.append(line) or line for line in lines)
            done = follow(peer)
            assert json.loads(sent[0])["fork"]["index"] == 30
            assert len(sent) == 31
            assert (done.reached.index, done.complete) == (60, True)
        assert active_texts() == theirs
        assert Reorganisation.objects.count() == 2  # this node's genesis, and the fork
        assert lifecycle.verify().sound

    def test_a_peer_that_went_over_to_another_chain_meanwhile_begins_anew(
        self, node: lifecycle.Node, follow: Followed
    ) -> None:
        ours, theirs, others = chain(50), chain(60, 8.0), chain(70, 9.0)
        adopt(ours, node.writer)
        with NewNode(theirs, NETWORK) as peer:
            peer.on_blocks = lambda lines: cut(lines, 31)
            with pytest.raises(PeerFailed):
                follow(peer)
            peer.texts, peer.on_blocks = others, lambda lines: lines
            follow(peer)
        assert active_texts() == others

    def test_in_batches_each_that_is_longer_is_adopted_as_it_comes(
        self, follow: Followed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(catch_up, "_BATCH", 10)
        heights: list[int] = []

        def watch(lines: Iterator[bytes]) -> Iterator[bytes]:
            for at, line in enumerate(lines):
                yield line
                if at and at % 10 == 0:
                    heights.append(at)

        theirs = chain(95)
        with NewNode(theirs, NETWORK) as peer:
            peer.on_blocks = watch
            follow(peer)
        assert heights == list(range(10, 100, 10))
        kinds = list(Event.objects.order_by("pk").values_list("kind", flat=True))
        assert kinds.count("chain-extended") + kinds.count("block") >= 9
        assert active_texts() == theirs

    def test_more_than_one_request_gives_is_asked_for_again(
        self, follow: Followed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(catch_up, "_LIMIT", 25)
        theirs = chain(95)
        with NewNode(theirs, NETWORK) as peer:
            done = follow(peer)
            assert len(peer.asked_for(catch_up.BLOCKS)) == 4
        assert (done.fork_index, done.complete) == (0, True)
        assert active_texts() == theirs


def cut(lines: Iterator[bytes], after: int) -> Iterator[bytes]:
    yield from itertools.islice(lines, after)
    raise Break


def other_head(**changes: Any) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    def change(lines: Iterator[bytes]) -> Iterator[bytes]:
        yield json.dumps(json.loads(next(lines)) | changes).encode()
        yield from lines

    return change


def other_line(at: int, line: Callable[[bytes], bytes]) -> Callable[[Iterator[bytes]], Any]:
    return lambda lines: (line(text) if n == at else text for n, text in enumerate(lines))


def changed(**changes: Any) -> Callable[[bytes], bytes]:
    return lambda text: NETWORK.canonical(json.loads(text) | changes).encode()


NOT_BLOCKS = "its answer is not a stream of blocks"
HOSTILE: dict[str, tuple[Callable[[Iterator[bytes]], Any], str]] = {
    "nothing at all": (lambda lines: [], NOT_BLOCKS),
    "a head that is no JSON": (lambda lines: [b"{"], NOT_BLOCKS),
    "a head that is a list": (lambda lines: [b"[]"], NOT_BLOCKS),
    "a head nested a million deep": (lambda lines: [b"[" * 10**6], NOT_BLOCKS),
    "a head without a tip": (other_head(tip=None), NOT_BLOCKS),
    "a fork point of its own": (
        other_head(fork={"index": 1, "hash": "ab" * 32}),
        "it names a fork point it was not asked about",
    ),
    "a negative fork point": (other_head(fork={"index": -1, "hash": "ab" * 32}), NOT_BLOCKS),
    "a fork point of 5,000 digits": (
        lambda lines: [b'{"fork": {"index": %s}}' % (b"9" * 5000)],
        NOT_BLOCKS,
    ),
    "more to come that never comes": (
        lambda lines: other_head(tip={"index": 99, "hash": "ab" * 32})(itertools.islice(lines, 1)),
        "it sent no blocks, though it has more",
    ),
    "a block that is no JSON": (
        other_line(20, lambda text: text[:-1]),
        "the answer is not the JSON of a chain: Expecting",
    ),
    "a block that is not UTF-8": (
        other_line(20, lambda text: text[:-1] + b"\xff"),
        "it is not UTF-8",
    ),
    "a block nested too deep": (
        other_line(20, lambda text: text[:-1] + b', "z": ' + b"[" * 40 + b"]" * 40 + b"}"),
        "nest deeper than 32",
    ),
    "a block nested a million deep": (
        other_line(20, lambda text: b"[" * 500_000),
        "nest too deep",
    ),
    "a block with a repeated key": (
        other_line(20, lambda text: text[:-1] + b', "proof": 1}'),
        "an object has the same key twice",
    ),
    "a block in other spelling": (
        other_line(20, lambda text: text.replace(b", ", b",")),
        "the text is not the one that was hashed",
    ),
    "a block of 2 MB": (
        other_line(20, lambda text: text + b" " * 2_000_000),
        "a line of its answer takes over",
    ),
    "a line without end": (
        lambda lines: itertools.chain([next(lines)], [b"x" * 3_000_000]),
        "a line of its answer takes over",
    ),
    "a gap": (
        lambda lines: (t for n, t in enumerate(lines) if n != 20),
        "index 21 stands where 20",
    ),
    "a block twice": (
        lambda lines: itertools.chain.from_iterable(
            [t, t] if n == 20 else [t] for n, t in enumerate(lines)
        ),
        "index 20 stands where 21",
    ),
    "a wrong previous hash": (
        other_line(20, changed(previous_hash="0" * 64)),
        "previous_hash",
    ),
    "a wrong proof": (other_line(20, changed(proof=0)), "the proof's hash starts with"),
    "a genesis of another proof": (other_line(1, changed(proof=99)), "a genesis has proof 100"),
    "a wrong tip at the end": (
        other_line(30, changed(previous_hash="f" * 64)),
        "previous_hash",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_stream_that_breaks_a_rule_is_refused_with_the_reason_and_leaves_a_sound_chain(
    follow: Followed, kind: str
) -> None:
    behave, reason = HOSTILE[kind]
    fired: list[bool] = []

    def behaving(lines: Iterator[bytes]) -> Iterator[bytes]:
        fired.append(True)
        yield from behave(lines)

    with NewNode(chain(30), NETWORK) as peer:
        peer.on_blocks = behaving
        with pytest.raises((PeerFailed, Refused)) as refused:
            follow(peer)
    assert fired
    assert reason in str(refused.value)
    # Of a batch that breaks a rule nothing is taken; what comes before a broken answer is a chain.
    assert tip() == (1 if refused.type is Refused or not kept_before(kind) else 19)
    assert lifecycle.verify().sound


def kept_before(kind: str) -> bool:
    return kind == "a block of 2 MB"


def test_what_was_marked_invalid_here_is_not_followed(
    node: lifecycle.Node, follow: Followed
) -> None:
    theirs = chain(12)
    adopt(theirs[:10], node.writer)
    operator.invalidate_block(hash_of(theirs[8]))
    with NewNode(theirs, NETWORK) as peer, pytest.raises(MarkedInvalid):
        follow(peer)
    assert tip() == 8


def test_a_chain_past_the_cap_on_blocks_is_refused(ledger_db: object, conf: NodeConf) -> None:
    conf = replace(conf, caps=Caps(chain_blocks=20))
    with (
        lifecycle.running(conf) as node,
        NewNode(chain(21), NETWORK) as peer,
        pytest.raises(Refused, match="over 20 blocks were sent"),
    ):
        node.duties.catch_up.run(peer.address)


def test_progress_is_told_while_it_lasts(
    node: lifecycle.Node, follow: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catch_up, "_STEP", 10)
    theirs, seen = chain(150), []

    def watch(lines: Iterator[bytes]) -> Iterator[bytes]:
        for at, line in enumerate(lines):
            yield line
            if at == 149:
                seen.append(True)

    told: list[tuple[int, int]] = []
    advance = node.network.advance
    monkeypatch.setattr(
        node.network,
        "advance",
        lambda address, received: (
            advance(address, received),
            told.extend((one.received, one.expected) for one in node.network.state().catching_up),
        ),
    )
    with NewNode(theirs, NETWORK) as peer:
        peer.on_blocks = watch
        follow(peer)
    assert seen
    assert told[0] == (10, 150)
    assert told[-1] == (150, 150)
    assert node.network.state().catching_up == ()


@pytest.mark.parametrize(("has", "claims", "come"), [(100, 100, [75]), (6, 1000, [0]), (9, 9, [0])])
def test_room_is_made_for_what_a_peer_says_it_has_only_after_a_long_stretch(
    follow: Followed, monkeypatch: pytest.MonkeyPatch, has: int, claims: int, come: list[int]
) -> None:
    made: list[int] = []

    def noted(writer: Writer, coming: int) -> AbstractContextManager[None]:
        made.append(coming)
        return bulk.room(writer, coming)

    monkeypatch.setattr(catch_up, "_LIMIT", 25)
    monkeypatch.setattr(catch_up, "bulk", SimpleNamespace(room=noted))
    monkeypatch.setattr(bulk, "_LONG", 10)
    theirs = chain(has)
    with NewNode(theirs, NETWORK) as peer:
        peer.on_blocks = lambda lines: claiming(lines, claims)
        with suppress(PeerFailed):
            follow(peer)
    assert active_texts() == theirs
    assert made == come
    assert lifecycle.verify().sound


def claiming(lines: Iterator[bytes], length: int) -> Iterator[bytes]:
    """The stream of a peer that says it has so many blocks."""
    head = json.loads(next(lines))
    yield json.dumps(head | {"tip": {**head["tip"], "index": length}}).encode()
    yield from lines


def test_the_chain_of_a_side_branch_is_whole(node: lifecycle.Node, follow: Followed) -> None:
    """Blocks adopted in batches on a branch that was a side branch before."""
    ours, theirs = chain(5), chain(40, 8.0)
    adopt(ours, node.writer)
    adopt(theirs[:6], node.writer)
    with NewNode(theirs, NETWORK) as peer:
        follow(peer)
    assert texts_up_to(hash_of(theirs[-1])) == theirs
