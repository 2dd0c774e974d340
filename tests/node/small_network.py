"""A few nodes in one process, each on a database of its own, that talk when they are told to.

What the wire does, it does by calling both ends: a peer's chain is read, then what it knows of
transactions is told and taken. Dice decide who is asked to do what; at the end all are joined.
"""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from ledger.consensus import hash_of
from ledger.models import ActiveBlock, Tip
from ledger.node import identity, lifecycle, relayed
from ledger.node.events import Listeners
from ledger.node.mempool import Door, Submission, pool
from ledger.node.relayed import Intake
from tests import databases
from tests.conftest import use_database

from . import chains
from .audit import Content
from .inline_writer import InlineWriter

CONTENTS: tuple[Content, ...] = (("alice", "bob", 5), ("bob", "carol", 1))


class SmallNetwork:
    """`acknowledged` is what was promised, anywhere; `reorganised` counts the changes of mind."""

    def __init__(self, template: Path, folder: Path, nodes: int, seed: int) -> None:
        self.dice = random.Random(seed)
        self.acknowledged = Counter[Content]()
        self.reorganised = 0
        self.paths = [folder / f"{seed}-{number}.sqlite3" for number in range(nodes)]
        self.told = dict[tuple[int, int], int]()
        self.released = dict[tuple[int, int], int]()
        self.apart = set[frozenset[int]]()
        self.writer = InlineWriter(Listeners())
        self.network = chains.NETWORK
        databases.copy(template, self.paths[0])
        use_database(self.paths[0])
        with transaction.atomic():  # they share a genesis, and so whom rewards are paid to
            self.identifier = identity.create(self.network).identifier
        connection.close()
        for path in self.paths[1:]:
            databases.copy(self.paths[0], path)

    # --- what they do -------------------------------------------------------------------------

    def submit(self, node: int, content: Content) -> None:
        use_database(self.paths[node])
        door = Door(self.network, transactions=1000, size=2**24)
        (future,) = self.writer.group([(door.accept, Submission(*content))])
        future.result()
        self.acknowledged[content] += 1

    def mine(self, node: int) -> None:
        use_database(self.paths[node])
        chains.seal(self.identifier, self.writer)

    def ask(self, asker: int, asked: int) -> None:
        """One node visits another: catches up, then fetches transactions."""
        if frozenset((asker, asked)) in self.apart:
            return
        use_database(self.paths[asked])
        texts = chains.active_texts()
        use_database(self.paths[asker])
        if len(texts) > Tip.objects.get(pk=1).index:
            switch = chains.adopt(texts, self.writer)
            assert switch is not None
            self.reorganised += switch.disconnected > 0
        self._fetch(asker, asked)

    def _fetch(self, asker: int, asked: int) -> None:
        between = (asker, asked)
        upto = self._take(asker, asked, self.told.get(between, 0))
        if upto is None:
            return
        self.told[between] = upto
        released = relayed.newest_release()
        if released > self.released.get(between, 0):
            self._take(asker, asked, 0, only_waiting=True)
            self.released[between] = released

    def _take(self, asker: int, asked: int, after: int, **which: Any) -> int | None:
        use_database(self.paths[asked])
        batch = relayed.told(after, **which)
        use_database(self.paths[asker])
        intake = Intake(self.network, transactions=1000, size=2**24)
        return self.writer.run(lambda: intake.take(batch, f"node:{asked}")).upto

    # --- by dice ------------------------------------------------------------------------------

    def live(self, steps: int) -> None:
        everybody = range(len(self.paths))
        for _ in range(steps):
            node, other = self.dice.sample(everybody, 2)
            what = self.dice.random()
            if what < 0.3:
                self.submit(node, self.dice.choice(CONTENTS))
            elif what < 0.5:
                self.mine(node)
            elif what < 0.9:
                self.ask(node, other)
            elif what < 0.96:
                self.apart.add(frozenset((node, other)))
            else:
                self.apart.clear()

    def settle(self, miners: list[int], rounds: int = 30) -> None:
        """Join all, and let some of them mine until nothing waits."""
        self.apart.clear()
        everybody = range(len(self.paths))
        for number in range(rounds):
            for _ in range(2):
                for asker in everybody:
                    for asked in everybody:
                        if asker != asked:
                            self.ask(asker, asked)
            if number and len(set(self.tips())) == 1 and not any(self.waiting()):
                return
            self.mine(miners[number % len(miners)])
        raise AssertionError(f"still waiting: {self.waiting()}, tips {self.tips()}")

    # --- what came of it ----------------------------------------------------------------------

    def waiting(self) -> list[int]:
        return [self._of(node, lambda: pool().count()) for node in range(len(self.paths))]

    def tips(self) -> list[str]:
        return [self._of(node, self._tip) for node in range(len(self.paths))]

    def confirmed(self) -> Counter[Content]:
        """What the chain holds, rewards aside."""
        values = self._of(0, self._entries)
        return Counter(v for v in values if v[0] != "0")

    def faults(self) -> list[Any]:
        return [fault for n in range(len(self.paths)) for fault in self._of(n, _faults)]

    def _of(self, node: int, what: Any) -> Any:
        use_database(self.paths[node])
        return what()

    def _tip(self) -> str:
        return hash_of(ActiveBlock.objects.order_by("-index")[0].block.canonical)

    def _entries(self) -> list[Content]:
        decoder = self.network.dialect.decoder
        found = []
        for text in chains.active_texts():
            for value in decoder.decode(text)["transactions"]:
                found.append((value["sender"], value["recipient"], value["amount"]))
        return found


def _faults() -> list[Any]:
    return list(lifecycle.verify().faults)
