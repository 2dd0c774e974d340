"""The two things the state machine holds side by side, a node's ledger and a model of it.

Here is how they are set up, compared, and told that the same has happened to both; the rules by
which things happen are in `ledger_machine`.
"""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from django.db import connection
from hypothesis.stateful import RuleBasedStateMachine, invariant

from ledger.consensus import hash_of
from ledger.models import Block
from ledger.node import identity, sealing
from ledger.node.chainstate import Switch
from ledger.node.errors import TipMoved
from ledger.node.events import Listeners
from ledger.node.mempool import Door, Submission
from ledger.node.relayed import Batch, Intake, Line
from tests import databases
from tests.conftest import use_database

from . import chains, ledger_view
from .audit import Content
from .chains import IRREGULAR, Entry
from .inline_writer import InlineWriter
from .ledger_model import Changed, LedgerModel, Mine, Told
from .ledger_view import Broken
from .statements import Countdown, Crash


class LedgerAndModel(RuleBasedStateMachine):
    """Subclass it with a `template` database, which has a genesis, and a `folder` to work in."""

    template: ClassVar[Path]
    folder: ClassVar[Path]
    countdown: ClassVar[Countdown]
    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        self.path = self.folder / f"{next(self.numbers)}.sqlite3"
        databases.copy(self.template, self.path)
        self.model = LedgerModel()
        self.now = 1.0
        self.uids = count(1)
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
        self.intake = Intake(found.network, transactions=10_000, size=2**24)

    def teardown(self) -> None:
        connection.close()
        databases.remove(self.path)

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        ledger_view.compare(self.model, self.identifier)

    def hand_in(self, submissions: list[Submission]) -> list[Any]:
        """To the node alone, as one group; `note` tells the model what came of it."""
        return self.writer.group([(self.door.accept, one) for one in submissions])

    def note(self, contents: list[Content], futures: list[Any]) -> None:
        for content, future in zip(contents, futures, strict=True):
            answer = future.result()
            self.model.accept(str(answer.uid), content, None, answer.index)
            if answer.index != len(self.model.active) + 1:
                raise Broken("promise", f"block {answer.index} was promised")

    def tell(self, told: list[Told], tip: str) -> int | None:
        """A peer tells the node alone; how many it says it took into the pool."""
        index = self.model.block(tip)["index"]
        lines = [
            Line(
                entered,
                uuid.UUID(one.uid),
                dict(zip(("sender", "recipient", "amount"), one.content, strict=True)),
                min(one.floor, index),
                one.state,
            )
            for entered, one in enumerate(told, 1)
        ]
        batch = Batch(index, tip, len(lines), lines)
        taken = self.writer.run(lambda: self.intake.take(batch, "peer:1"))
        if taken.upto != len(lines):
            raise Broken("relay", f"{taken.upto} of {len(lines)} were taken")
        return int(taken.entered)

    def expect_tip_moved(self, template: sealing.Template, proof: int) -> None:
        try:
            self.writer.run(lambda: sealing.seal(template, proof))
        except TipMoved:
            return
        except Exception as error:
            raise Broken("late", f"it was not noticed that the tip moved: {error!r}") from error
        raise Broken("late", "a block was sealed although what it stands on has moved")

    def adopt(self, texts: list[str]) -> None:
        """Hand the node a chain that it has to follow."""
        self.expect(texts, chains.adopt(texts, self.writer))

    def crash_while_adopting(self, texts: list[str], k: int) -> bool:
        """Whether it crashed before it was done."""
        switch = self.crash_at(k, lambda: chains.adopt(texts, self.writer))
        if switch is not None:
            self.expect(texts, switch)
        else:
            self.learn_what_is_stored(texts)
        return switch is None

    def branch(self, depth: int, extra: int, picks: list[tuple[str, int, int]]) -> list[str]:
        """A chain that leaves ours `depth` blocks ago and is `extra` blocks longer."""
        active = [self.model.texts[digest] for digest in self.model.active]
        base = active[: max(0, len(active) - depth)] or [chains.genesis(self.tick())]
        contents: list[list[Entry]] = [[] for _ in range(len(active) + extra - len(base))]
        for kind, where, which in picks:
            if contents and (entry := self.entry_for(kind, which, len(base))):
                contents[where % len(contents)].append(entry)
        return chains.grow(base, contents, self.tick())

    def entry_for(self, kind: str, which: int, fork_index: int) -> Entry | None:
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
            entry = entry_of(pick(of_kind[kind], which))
            return entry | {"note": "not what was sent"} if kind == "extra key" else entry
        if kind == "irregular":
            return pick(IRREGULAR, which)
        return chains.reward("peer") if kind == "reward" else {**IRREGULAR[0], "amount": which}

    def expect(self, texts: list[str], switch: Switch | None) -> None:
        """The node has adopted the chain, and reports what the model would report."""
        for text in texts:
            self.model.keep(hash_of(text), text)
        if switch is None:
            raise Broken("length", "a longer chain was not adopted")
        self.expect_change(self.model.adopt(hash_of(texts[-1])), switch)

    def expect_change(self, expected: Changed | None, switch: Switch | None) -> None:
        if expected is None or switch is None:
            if expected is not switch:
                raise Broken("switch", f"{switch} was done, {expected} was due")
            return
        for name, value in vars(expected).items():
            if getattr(switch, name) != value:
                raise Broken("switch", f"{name} is {getattr(switch, name)}, not {value}")

    def learn_what_is_stored(self, texts: list[str]) -> None:
        """Of a chain that was not followed, its first blocks may be kept: as a side branch."""
        for text in texts:
            if not Block.objects.filter(hash=hash_of(text)).exists():
                break
            self.model.keep(hash_of(text), text)

    def crash_at(self, k: int, operation: Callable[[], Any]) -> Any:
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

    def tick(self) -> float:
        self.now += 1
        return self.now


def pick(things: Any, which: int) -> Any:
    return things[which % len(things)]


def entry_of(one: Mine) -> Entry:
    return dict(zip(("sender", "recipient", "amount"), one.content, strict=True))
