"""The state machine: everything a node does to its ledger, in any order, beside a model of it.

After every step the database must be sound by its own verification, its events must tell its
history, and every table must be what the model says. A crash is a `BaseException` raised at the
k-th statement: the code under test gets no chance to answer, and the next step finds the database
as it was left, with a new connection and a new writer.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ledger.consensus import Refused, hash_of
from ledger.models import Block, Transaction
from ledger.node import identity, sealing
from ledger.node.chainstate import Switch
from ledger.node.errors import KeyReused, TipMoved
from ledger.node.events import Listeners
from ledger.node.mempool import Door, Submission
from tests.conftest import use_database

from . import chains, ledger_view
from .audit import Content
from .chains import IRREGULAR, Entry
from .inline_writer import InlineWriter
from .ledger_model import LedgerModel, Mine
from .ledger_view import Broken
from .statements import Countdown, Crash

CONTENTS = st.tuples(
    st.sampled_from(["alice", "bob"]),
    st.sampled_from(["bob", "carol"]),
    st.sampled_from([0, 1, 5, 2**63 - 1]),
)
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


class LedgerMachine(RuleBasedStateMachine):
    """Subclass it with a `template` database, which has a genesis, and a `folder` to work in."""

    template: ClassVar[Path]
    folder: ClassVar[Path]
    countdown: ClassVar[Countdown]
    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self.path = self.folder / f"{next(self.numbers)}.sqlite3"
        shutil.copy(self.template, self.path)
        self.model = LedgerModel()
        self.now = 1.0
        self.start()
        text = Block.objects.get().canonical
        self.model.keep(hash_of(text), text)
        self.model.active.append(hash_of(text))
        self.identifier = self.identity.identifier

    def start(self) -> None:
        use_database(self.path)
        found = identity.load()
        assert found is not None
        self.identity = found
        self.writer = InlineWriter(Listeners())
        self.door = Door(found.network, transactions=10_000, size=2**24)

    def teardown(self) -> None:
        connection.close()
        for path in self.folder.glob(f"{self.path.name}*"):
            path.unlink()

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        ledger_view.compare(self.model, self.identifier)

    # --- transactions -------------------------------------------------------------------------

    @rule(contents=st.lists(CONTENTS, min_size=1, max_size=4))
    def submit(self, contents: list[Content]) -> None:
        self._note(contents, self._submit([Submission(*content) for content in contents]))

    @rule(content=CONTENTS, times=st.integers(2, 3))
    def submit_duplicates(self, content: Content, times: int) -> None:
        self.submit([content] * times)

    @rule(content=CONTENTS, key=KEYS, answered=st.booleans())
    def submit_with_key(self, content: Content, key: str, answered: bool) -> None:
        """With a key that is new or not; an answer that gets lost makes no difference."""
        before = self.model.by_key(key)
        submission = Submission(*content, idempotency_key=key)
        if not answered:
            self._submit([submission])
        (future,) = self._submit([submission])
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
        futures = self._crash_at(k, lambda: self._submit([Submission(*c) for c in contents]))
        if futures is not None:
            self._note(contents, futures)

    def _submit(self, submissions: list[Submission]) -> list[Any]:
        return self.writer.group([(self.door.accept, one) for one in submissions])

    def _note(self, contents: list[Content], futures: list[Any]) -> None:
        for content, future in zip(contents, futures, strict=True):
            answer = future.result()
            self.model.accept(str(answer.uid), content, None, answer.index)
            if answer.index != len(self.model.active) + 1:
                raise Broken("promise", f"block {answer.index} was promised")

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
        block = self._crash_at(k, lambda: self.writer.run(lambda: sealing.seal(template, proof)))
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
        self._expect_tip_moved(template, proof)

    @precondition(lambda self: self.model.pool())
    @rule(which=st.integers(0, 12))
    def seal_what_was_refused_meanwhile(self, which: int) -> None:
        """An operator refuses a transaction during the search."""
        template, proof = chains.frozen(self.identifier)
        one = _pick(self.model.pool(), which)
        self.writer.run(lambda: _refuse(one))
        self.model.refuse(one)
        self._expect_tip_moved(template, proof)

    def _expect_tip_moved(self, template: sealing.Template, proof: int) -> None:
        try:
            self.writer.run(lambda: sealing.seal(template, proof))
        except TipMoved:
            return
        except Exception as error:
            raise Broken("late", f"it was not noticed that the tip moved: {error!r}") from error
        raise Broken("late", "a block was sealed although what it stands on has moved")

    # --- other chains -------------------------------------------------------------------------

    @rule(depth=DEPTHS, extra=st.integers(1, 3), picks=PICKS)
    def reorganise(self, depth: int, extra: int, picks: list[tuple[str, int, int]]) -> None:
        self.adopt(self._branch(depth, extra, picks))

    @rule(depth=DEPTHS, extra=st.integers(1, 2), picks=PICKS, k=st.integers(1, 140))
    def reorganise_crash(
        self, depth: int, extra: int, picks: list[tuple[str, int, int]], k: int
    ) -> None:
        texts = self._branch(depth, extra, picks)
        switch = self._crash_at(k, lambda: chains.adopt(texts, self.writer))
        if switch is not None:
            self._expect(texts, switch)
        else:
            self._learn_what_is_stored(texts)

    @precondition(lambda self: self.model.leaves())
    @rule(which=st.integers(0, 12), extra=st.integers(1, 2), copy=st.booleans())
    def flip_back(self, which: int, extra: int, copy: bool) -> None:
        """An old branch grows longer than the chain."""
        leaf = _pick(self.model.leaves(), which)
        texts = [self.model.texts[digest] for digest in self.model.path(leaf)]
        entries = [_entry(one) for one in self.model.pool()[:1] if copy]
        more = max(0, len(self.model.active) - len(texts)) + extra
        self.adopt(chains.grow(texts, [entries] * more, self._tick()))

    @rule(depth=st.integers(1, 5), missing=st.integers(0, 2))
    def equal_and_shorter_are_refused(self, depth: int, missing: int) -> None:
        if depth + missing >= len(self.model.active):
            return
        texts = self._branch(depth + missing, -missing, [("pool", 0, 0)])
        if chains.adopt(texts, self.writer) is not None:
            raise Broken("length", f"a chain of {len(texts)} replaced {len(self.model.active)}")

    @rule(depth=st.integers(1, 3), where=st.integers(0, 12), what=st.integers(0, 3))
    def tampered_is_refused(self, depth: int, where: int, what: int) -> None:
        """One block of a longer chain is changed without the work of those that follow."""
        texts = self._branch(depth, 2, [])
        at = where % (len(texts) - 1)
        value = chains.NETWORK.dialect.decoder.decode(texts[at])
        value |= ({"timestamp": 0.5}, {"transactions": [{"a": 1}]}, {"proof": -1}, {"x": 1})[what]
        texts[at] = chains.NETWORK.canonical(value)
        with pytest.raises(Refused):
            chains.adopt(texts, self.writer)

    @rule(depth=st.integers(1, 3))
    def adopt_too_late(self, depth: int) -> None:
        """Our chain grows while a peer's is read: an equal chain is kept, but not followed."""
        texts = self._branch(depth, 1, [("pool", 0, 0)])
        self.writer.before_next_group(self.seal)
        if chains.adopt(texts, self.writer) is not None:
            raise Broken("length", "a chain replaced one that had grown as long")
        self._learn_what_is_stored(texts)

    def adopt(self, texts: list[str]) -> None:
        """Hand the node a chain that it has to follow."""
        self._expect(texts, chains.adopt(texts, self.writer))

    def _branch(self, depth: int, extra: int, picks: list[tuple[str, int, int]]) -> list[str]:
        """A chain that leaves ours `depth` blocks ago and is `extra` blocks longer."""
        active = [self.model.texts[digest] for digest in self.model.active]
        base = active[: max(0, len(active) - depth)] or [chains.genesis(self._tick())]
        contents: list[list[Entry]] = [[] for _ in range(len(active) + extra - len(base))]
        for kind, where, which in picks:
            if contents and (entry := self._entry_for(kind, which, len(base))):
                contents[where % len(contents)].append(entry)
        return chains.grow(base, contents, self._tick())

    def _entry_for(self, kind: str, which: int, fork_index: int) -> Entry | None:
        undone = set(self.model.active[fork_index:])
        of_kind: dict[str, list[Mine]] = {
            "pool": self.model.pool(),
            "undone": [m for (block, _), m in self.model.places.items() if block in undone],
            "any": self.model.mine,
            "extra key": self.model.pool(),
        }
        if kind in of_kind:
            if not of_kind[kind]:
                return None
            entry = _entry(_pick(of_kind[kind], which))
            return entry | {"note": "not what was sent"} if kind == "extra key" else entry
        if kind == "irregular":
            return _pick(IRREGULAR, which)
        return chains.reward("peer") if kind == "reward" else {**IRREGULAR[0], "amount": which}

    def _expect(self, texts: list[str], switch: Switch | None) -> None:
        """The node has adopted the chain, and reports what the model would report."""
        for text in texts:
            self.model.keep(hash_of(text), text)
        expected = self.model.adopt(hash_of(texts[-1]))
        if switch is None:
            raise Broken("length", "a longer chain was not adopted")
        for name, value in vars(expected).items():
            if getattr(switch, name) != value:
                raise Broken("switch", f"{name} is {getattr(switch, name)}, not {value}")

    def _learn_what_is_stored(self, texts: list[str]) -> None:
        """Of a chain that was not followed, its first blocks may be kept: as a side branch."""
        for text in texts:
            if not Block.objects.filter(hash=hash_of(text)).exists():
                break
            self.model.keep(hash_of(text), text)

    # --- the process --------------------------------------------------------------------------

    @rule()
    def restart(self) -> None:
        self.writer.close()
        connection.close()
        self.start()

    def _crash_at(self, k: int, operation: Callable[[], Any]) -> Any:
        """Do it, but crash at the `k`-th statement; None if that happened."""
        self.countdown.arm(k)
        try:
            return operation()
        except Crash as crash:
            traceback.clear_frames(crash.__traceback__)  # no cursor outlives the process
            connection.close()
            self.start()
            return None
        finally:
            self.countdown.disarm()

    def _tick(self) -> float:
        self.now += 1
        return self.now


def _pick(things: Any, which: int) -> Any:
    return things[which % len(things)]


def _entry(one: Mine) -> Entry:
    return dict(zip(("sender", "recipient", "amount"), one.content, strict=True))


def _refuse(one: Mine) -> None:
    rows = Transaction.objects.filter(uid=one.uid)
    rows.update(state=Transaction.State.REFUSED, reason="the operator said so")
