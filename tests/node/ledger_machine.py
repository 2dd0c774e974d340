"""The state machine: everything a node does to its ledger, in any order, beside a model of it.

After every step the database must be sound by its own verification, its events must tell its
history, and every table must be what the model says. A crash is a `BaseException` raised at the
k-th statement: the code under test gets no chance to answer, and the next step finds the database
as it was left, with a new connection and a new writer.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import pytest
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ledger.consensus import Refused
from ledger.models import Transaction
from ledger.node import invalidation, mempool, sealing
from ledger.node.errors import KeyReused, MarkedInvalid, NotAccepted
from ledger.node.mempool import Submission

from . import chains
from .audit import Content
from .chains import Entry
from .ledger_and_model import LedgerAndModel, entry_of, pick
from .ledger_model import Mine, Told
from .ledger_view import Broken

CONTENTS = st.tuples(
    st.sampled_from(["alice", "bob"]),
    st.sampled_from(["bob", "carol"]),
    st.sampled_from([0, 1, 5, 2**63 - 1]),
)
TOLD = st.lists(
    st.tuples(
        st.sampled_from(["fresh", "fresh", "known", "known", "bad"]),
        st.integers(0, 12),
        CONTENTS,
        st.integers(0, 9),
        st.sampled_from(["waiting", "waiting", "confirmed", "released"]),
    ),
    min_size=1,
    max_size=5,
)
BAD = (("0", "bob", 1), ("alice", "bob", -1), ("alice", "", 1), ("alice", "bob", True))
KEYS = st.sampled_from(["k1", "k2", "k3"])
DEPTHS = st.integers(0, 5) | st.just(999)  # 999: another genesis
PICKS = st.lists(
    st.tuples(
        st.sampled_from(["pool", "undone", "any", "extra key", "irregular", "fresh", "reward"]),
        st.integers(0, 12),
        st.integers(0, 12),
    ),
    max_size=8,
)


class LedgerMachine(LedgerAndModel):
    """Subclass it as `LedgerAndModel` says."""

    # --- transactions -------------------------------------------------------------------------

    @rule(contents=st.lists(CONTENTS, min_size=1, max_size=4))
    def submit(self, contents: list[Content]) -> None:
        self.note(contents, self.hand_in([Submission(*content) for content in contents]))

    @rule(content=CONTENTS, times=st.integers(2, 3))
    def submit_duplicates(self, content: Content, times: int) -> None:
        self.submit([content] * times)

    @rule(content=CONTENTS, key=KEYS, answered=st.booleans())
    def submit_with_key(self, content: Content, key: str, answered: bool) -> None:
        """With a key that is new or not; an answer that gets lost makes no difference."""
        before = self.model.by_key(key)
        submission = Submission(*content, idempotency_key=key)
        if not answered:
            self.hand_in([submission])
        (future,) = self.hand_in([submission])
        error = future.exception()
        if before is not None and before.content != content:
            if not isinstance(error, KeyReused):
                raise Broken("key", f"{key} with another transaction: {error!r}")
            return
        if error is not None:
            raise Broken("key", f"{key} was refused: {error!r}")
        uid, promised = str(future.result().uid), future.result().index
        if before is None:
            self.model.accept(uid, content, key, promised)
        elif (before.uid, before.promised) != (uid, promised):
            raise Broken("key", f"{key} was answered differently")

    @rule(contents=st.lists(CONTENTS, min_size=1, max_size=3), k=st.integers(1, 9))
    def submit_crash(self, contents: list[Content], k: int) -> None:
        futures = self.crash_at(k, lambda: self.hand_in([Submission(*c) for c in contents]))
        if futures is not None:
            self.note(contents, futures)

    # --- those of others ----------------------------------------------------------------------

    @rule(told=TOLD, which=st.integers(0, 30), at_tip=st.booleans(), k=st.integers(1, 40))
    def relay(self, told: list[Any], which: int, at_tip: bool, k: int) -> None:
        """A peer tells what it knows, on our tip or on another block that we have."""
        tip = self.model.active[-1] if at_tip else pick(list(self.model.texts), which)
        told = self.told(told, tip)
        before = len(self.model.pool())
        entered = self.crash_at(k, lambda: self.tell(told, tip))
        if entered is None:
            return
        self.model.take(told, tip)
        if entered != len(self.model.pool()) - before:
            raise Broken("relay", f"{entered} are said to have entered")

    @rule(content=CONTENTS, times=st.integers(1, 2), depth=st.integers(0, 2))
    def relay_after_its_block(self, content: Content, times: int, depth: int) -> None:
        """A block comes with one more than wait here of a content, then word of one or two."""
        waiting = sum(one.content == content for one in self.model.pool())
        entry = dict(zip(("sender", "recipient", "amount"), content, strict=True))
        self.adopt(self.grown([entry] * (waiting + 1)))
        tip = self.model.active[-1]
        told = self.told([("fresh", 0, content, depth, "confirmed")] * times, tip)
        self.tell(told, tip)
        self.model.take(told, tip)

    @rule(content=CONTENTS, extra=st.integers(0, 2))
    def relay_and_mine_elsewhere(self, content: Content, extra: int) -> None:
        """It comes here, then its block; then a longer branch without it; then word of it again."""
        tip = self.model.active[-1]
        told = self.told([("fresh", 0, content, 0, "waiting")], tip)
        self.tell(told, tip)
        self.model.take(told, tip)
        without = self.grown([], *[[]] * (1 + extra))
        waiting = sum(one.content == content for one in self.model.pool())
        entry = dict(zip(("sender", "recipient", "amount"), content, strict=True))
        self.adopt(self.grown([entry] * waiting))
        self.adopt(without)
        tip = self.model.active[-1]
        self.tell(told, tip)
        self.model.take(told, tip)

    def grown(self, *contents: list[Entry]) -> list[str]:
        """Our chain with a block more for each of `contents`."""
        texts = [self.model.texts[digest] for digest in self.model.active]
        return chains.grow(texts, contents, self.tick())

    def told(self, told: list[Any], tip: str) -> list[Told]:
        height = self.model.block(tip)["index"]
        found: dict[str, Told] = {}
        for kind, which, content, depth, state in told:
            floor = max(0, height - depth)
            if kind == "known" and self.model.mine:
                one = pick(self.model.mine, which)
                found[one.uid] = Told(one.uid, one.content, floor, state)
            else:
                uid = str(uuid.UUID(int=next(self.uids)))
                values = pick(BAD, which) if kind == "bad" else content
                found[uid] = Told(uid, values, floor, state)
        return list(found.values())

    # --- sealing ------------------------------------------------------------------------------

    @rule()
    def seal(self) -> None:
        template, proof = chains.frozen(self.identifier)
        block = self.writer.run(lambda: sealing.seal(template, proof))
        self.model.seal(block.hash, block.canonical, self.model.pool())

    @rule(contents=st.lists(CONTENTS, min_size=1, max_size=2))
    def seal_while_others_submit(self, contents: list[Content]) -> None:
        """What comes during the search waits for the next block."""
        template, proof = chains.frozen(self.identifier)
        chosen = self.model.pool()
        self.submit(contents)
        block = self.writer.run(lambda: sealing.seal(template, proof))
        self.model.seal(block.hash, block.canonical, chosen)

    @rule(k=st.integers(1, 45))
    def seal_crash(self, k: int) -> None:
        template, proof = chains.frozen(self.identifier)
        block = self.crash_at(k, lambda: self.writer.run(lambda: sealing.seal(template, proof)))
        if block is not None:
            self.model.seal(block.hash, block.canonical, self.model.pool())

    @rule(with_reorganisation=st.booleans())
    def seal_too_late(self, with_reorganisation: bool) -> None:
        """The tip moves while a proof is searched for: what was searched for is not sealed."""
        template, proof = chains.frozen(self.identifier)
        if with_reorganisation:
            self.reorganise(1, 1, [("pool", 0, 0)])
        else:
            self.seal()
        self.expect_tip_moved(template, proof)

    @precondition(lambda self: self.model.pool())
    @rule(which=st.integers(0, 12))
    def seal_what_was_refused_meanwhile(self, which: int) -> None:
        """An operator refuses a transaction during the search."""
        template, proof = chains.frozen(self.identifier)
        one = pick(self.model.pool(), which)
        self.writer.run(lambda: _refuse(one))
        self.model.refuse(one)
        self.expect_tip_moved(template, proof)

    # --- other chains -------------------------------------------------------------------------

    @rule(depth=DEPTHS, extra=st.integers(1, 3), picks=PICKS)
    def reorganise(self, depth: int, extra: int, picks: list[tuple[str, int, int]]) -> None:
        self.adopt(self.branch(depth, extra, picks))

    @rule(depth=DEPTHS, extra=st.integers(1, 2), picks=PICKS, k=st.integers(1, 140))
    def reorganise_crash(
        self, depth: int, extra: int, picks: list[tuple[str, int, int]], k: int
    ) -> None:
        self.crash_while_adopting(self.branch(depth, extra, picks), k)

    @precondition(lambda self: self.model.leaves())
    @rule(which=st.integers(0, 12), extra=st.integers(1, 2), copy=st.booleans())
    def flip_back(self, which: int, extra: int, copy: bool) -> None:
        """An old branch grows longer than the chain."""
        leaf = pick(self.model.leaves(), which)
        if self.model.is_barred(leaf):
            return
        texts = [self.model.texts[digest] for digest in self.model.path(leaf)]
        entries = [entry_of(one) for one in self.model.pool()[:1] if copy]
        more = max(0, len(self.model.active) - len(texts)) + extra
        self.adopt(chains.grow(texts, [entries] * more, self.tick()))

    @rule(depth=st.integers(1, 5), missing=st.integers(0, 2))
    def equal_and_shorter_are_refused(self, depth: int, missing: int) -> None:
        if depth + missing >= len(self.model.active):
            return
        texts = self.branch(depth + missing, -missing, [("pool", 0, 0)])
        if chains.adopt(texts, self.writer) is not None:
            raise Broken("length", f"a chain of {len(texts)} replaced {len(self.model.active)}")

    @rule(depth=st.integers(1, 3), where=st.integers(0, 12), what=st.integers(0, 3))
    def tampered_is_refused(self, depth: int, where: int, what: int) -> None:
        """One block of a longer chain is changed without the work of those that follow."""
        texts = self.branch(depth, 2, [])
        at = where % (len(texts) - 1)
        value = chains.NETWORK.dialect.decoder.decode(texts[at])
        value |= ({"timestamp": 0.5}, {"transactions": [{"a": 1}]}, {"proof": -1}, {"x": 1})[what]
        texts[at] = chains.NETWORK.canonical(value)
        with pytest.raises(Refused):
            chains.adopt(texts, self.writer)

    @rule(depth=st.integers(1, 3))
    def adopt_too_late(self, depth: int) -> None:
        """Our chain grows while a peer's is read: an equal chain is kept, but not followed."""
        texts = self.branch(depth, 1, [("pool", 0, 0)])
        self.writer.before_next_group(self.seal)
        if chains.adopt(texts, self.writer) is not None:
            raise Broken("length", "a chain replaced one that had grown as long")
        self.learn_what_is_stored(texts)

    # --- the operator -------------------------------------------------------------------------

    @rule(which=st.integers(0, 30), active=st.booleans())
    def invalidate(self, which: int, active: bool) -> None:
        digest = pick(self.model.active if active else list(self.model.texts), which)
        if digest in self.model.marks or digest == next(iter(self.model.texts)):
            with pytest.raises(NotAccepted):
                self.writer.run(lambda: invalidation.invalidate(digest, "no"))
            return
        done = self.writer.run(lambda: invalidation.invalidate(digest, "a test"))
        self.expect_change(self.model.invalidate(digest), done.switch)

    @precondition(lambda self: len(self.model.active) > 1)
    @rule(which=st.integers(0, 30), k=st.integers(1, 60))
    def invalidate_crash(self, which: int, k: int) -> None:
        digest = pick(self.model.active, which)
        if digest == next(iter(self.model.texts)):
            return
        invalidate = partial(invalidation.invalidate, digest, "a test")
        done = self.crash_at(k, lambda: self.writer.run(invalidate))
        if done is not None:
            self.expect_change(self.model.invalidate(digest), done.switch)

    @precondition(lambda self: self.model.marks)
    @rule(which=st.integers(0, 12), above=st.integers(0, 2))
    def reconsider(self, which: int, above: int) -> None:
        """The marked block itself, or one below it."""
        path = self.model.path(pick(list(self.model.marks), which))
        digest = path[max(0, len(path) - 1 - above)]
        done = self.writer.run(lambda: invalidation.reconsider(digest, chains.NETWORK))
        self.expect_change(self.model.reconsider(digest), done.switch)

    @precondition(lambda self: self.model.marks)
    @rule(which=st.integers(0, 12), more=st.integers(1, 9))
    def a_chain_with_a_mark_is_refused(self, which: int, more: int) -> None:
        path = self.model.path(pick(list(self.model.marks), which))
        texts = [self.model.texts[digest] for digest in path]
        try:
            chains.adopt(chains.grow(texts, [[]] * more, self.tick()), self.writer)
        except MarkedInvalid:
            return
        raise Broken("mark", "a chain that holds a marked block was not refused")

    @rule(which=st.integers(0, 30))
    def prefer(self, which: int) -> None:
        """A block that is as high as the tip, or higher."""
        high = [d for d in self.model.texts if self.is_high(d) and d != self.model.active[-1]]
        if not high:
            return
        digest = pick(high, which)
        if self.model.is_barred(digest):
            with pytest.raises(MarkedInvalid):
                self.writer.run(lambda: invalidation.prefer(digest))
            return
        done = self.writer.run(lambda: invalidation.prefer(digest))
        self.expect_change(self.model.adopt(digest), done.switch)

    def is_high(self, digest: str) -> bool:
        return bool(self.model.block(digest)["index"] >= len(self.model.active))

    @precondition(lambda self: self.model.pool())
    @rule(which=st.integers(0, 12))
    def drop(self, which: int) -> None:
        one = pick(self.model.pool(), which)
        self.writer.run(lambda: mempool.drop(one.uid, "a test"))
        self.model.refuse(one)
        with pytest.raises(NotAccepted):
            self.writer.run(lambda: mempool.drop(one.uid, "a test"))

    # --- the process --------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        self.writer.close()
        connection.close()
        self.start()


def _refuse(one: Mine) -> None:
    rows = Transaction.objects.filter(uid=one.uid)
    rows.update(state=Transaction.State.REFUSED, reason="the operator said so")
