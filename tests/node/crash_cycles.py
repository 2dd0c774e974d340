"""Crash cycles: a worker lives, is killed, and what it leaves behind is inspected.

Each cycle asserts that the kill happened. Several zygotes work side by side, each on database
files of its own.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from tests import databases

from .audit import Promises
from .zygote import Ended, Zygote

# As many as the smallest machine has cores, unless pytest itself works side by side.
ZYGOTES = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
GENERATION = 20  # random cycles on one database, each on what the last has left

MADE_UP = ("mix", "flip back", "replace genesis", "invalidate and reconsider")

numbers = count()


@dataclass(frozen=True)
class Strike:
    """Where a worker is killed: before or after its `nth` statement."""

    operation: str
    nth: int
    when: str


class Past:
    """A database file with a past, its promises, and the zygotes that work on copies of it."""

    def __init__(self, zygotes: Sequence[Zygote], folder: Path, migrated: Path) -> None:
        self.zygotes = zygotes
        self.folder = folder
        self.base = folder / "past.sqlite3"
        self.sound = set[tuple[str, ...]]()  # what was inspected already, and nothing found
        prepared = zygotes[0].run("prepare", template=str(migrated), path=str(self.base))
        self.promises = Promises(identifier=prepared.result())
        self.promises.take(prepared.said)

    def copy(self) -> tuple[Path, Promises]:
        path = self.folder / f"copy-{next(numbers)}.sqlite3"
        databases.copy(self.base, path)
        return path, copy.deepcopy(self.promises)

    @cache  # noqa: B019 - one past lives as long as its module's tests
    def statements_of(self, operation: str, mutation: str | None = None) -> int:
        """How many statements it takes, found out by doing it unharmed."""
        path, _ = self.copy()
        passed = self.zygotes[0].run(
            "operate",
            path=str(path),
            operation=operation,
            nth=0,
            when="before",
            mutation=mutation,
        )
        databases.remove(path)
        return int(passed.result())

    def strikes_on(self, operation: str) -> list[Strike]:
        """Before and after each of its statements.

        After one is before the next, so for the operations made up of others one side will do.
        """
        count = self.statements_of(operation)
        strikes = [Strike(operation, nth, "before") for nth in range(1, count + 1)]
        first = count if operation in MADE_UP else 1
        return strikes + [Strike(operation, nth, "after") for nth in range(first, count + 1)]

    def side_by_side(self, work: Callable[[Zygote, Any], None], pieces: Sequence[Any]) -> None:
        """Deal the pieces out to the zygotes; raise the first error."""
        hands = [pieces[start :: len(self.zygotes)] for start in range(len(self.zygotes))]

        def deal(zygote: Zygote, hand: Sequence[Any]) -> None:
            for piece in hand:
                work(zygote, piece)

        with ThreadPoolExecutor(len(self.zygotes)) as threads:
            for done in [
                threads.submit(deal, *pair) for pair in zip(self.zygotes, hands, strict=True)
            ]:
                done.result()


@contextmanager
def a_past(folder: Path, migrated: Path, zygotes: int = ZYGOTES) -> Iterator[Past]:
    with ExitStack() as stack:
        started = [stack.enter_context(Zygote(folder / f"zygote-{n}")) for n in range(zygotes)]
        yield Past(started, folder, migrated)


def killed_by(zygote: Zygote, action: str, where: Any, **arguments: Any) -> Ended:
    """Run a worker that has to be killed on its way."""
    ended = zygote.run(action, **arguments)
    assert ended.killed, f"the kill did not happen at {where}: {ended}\n{zygote.errors}"
    return ended


def strike(past: Past, zygote: Zygote, where: Strike, mutation: str | None = None) -> list[str]:
    """One cycle on a fresh copy: kill, inspect, answer faults.

    Half of the copies then do the same unharmed and are inspected again. Most kills leave one of
    few states, to the last row; each of those, with its promises, is inspected once.
    """
    path, promises = past.copy()
    ended = killed_by(zygote, "operate", where, path=str(path), mutation=mutation, **vars(where))
    promises.take(ended.said)
    told, then = promises.to_json(), where.operation if where.when == "after" else None
    left = (content_of(path), json.dumps(told), str(then))
    faults: list[str] = []
    if left not in past.sound:
        faults = zygote.run("inspect", path=str(path), promises=told, then=then).result()
        if not faults:
            past.sound.add(left)
    databases.remove(path)
    return faults


def content_of(path: Path) -> str:
    """A digest of every row, of a file that is whole too."""
    if not databases.server():
        assert databases.rows(path, "PRAGMA integrity_check") == [("ok",)]
    digest = hashlib.sha256()
    for table, rows in databases.contents(path).items():
        digest.update(repr((table, sorted(map(repr, rows)))).encode())
    return digest.hexdigest()


def live_and_die(past: Past, zygote: Zygote, seed: int, cycles: int) -> None:
    """Random lives, one after the other on the same file, each killed and inspected."""
    rng = random.Random(seed)
    path, promises = past.copy()
    for cycle in range(cycles):
        by_the_clock = rng.random() < 0.3
        ended = killed_by(
            zygote,
            "live",
            f"cycle {cycle} of seed {seed}",
            path=str(path),
            seed=seed * 1000 + cycle,
            nth=0 if by_the_clock else rng.randint(1, 150),
            when=rng.choice(("before", "after")),
            retries=promises.unanswered(),
            kill_after=rng.uniform(0.005, 0.06) if by_the_clock else None,
        )
        promises.take(ended.said)
        inspected = zygote.run("inspect", path=str(path), promises=promises.to_json())
        faults = inspected.result()
        assert faults == [], f"cycle {cycle} of seed {seed}"
    databases.remove(path)
