"""A network of real nodes that is cut, healed and killed at, from one seed.

What happens in a round is drawn before it happens, so a seed gives the same plan again; what the
processes make of it is theirs. Submissions come from a client that keeps count: of what was
acknowledged, and of what may or may not have been, because its node was killed meanwhile.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.processes import NodeProcess

from .automatic import address, cut, heal, peers, rows, start, tip, until

Content = tuple[str, str, int]


@dataclass(slots=True)
class Done:
    """What was done: to assert that it was."""

    partitions: int = 0
    kills: int = 0
    mined: int = 0
    acknowledged: Counter[Content] = field(default_factory=Counter)
    uncertain: Counter[Content] = field(default_factory=Counter)
    uids: list[tuple[int, str]] = field(default_factory=list)


class Simulation:
    """`rounds` of it on `size` nodes below `folder`."""

    def __init__(self, folder: Path, seed: int, *, size: int, rounds: int) -> None:
        self.dice = random.Random(seed)
        self.done = Done()
        self.rounds = rounds
        self.nodes: list[NodeProcess] = []
        self._cuts: set[tuple[int, int]] = set()
        self._lock = threading.Lock()
        self._alike = 0
        # So many, whatever the dice say: it is what the test is about.
        self._kills = set(self.dice.sample(range(rounds), max(1, rounds * 12 // 100)))
        try:
            first = start(folder / "0", difficulty=1)
            self.nodes.append(first)
            with ThreadPoolExecutor(size) as starting:
                self.nodes += starting.map(
                    lambda n: start(folder / str(n), difficulty=1, knows=address(first)),
                    range(1, size),
                )
            everybody = {address(node) for node in self.nodes}
            until(
                lambda: all(set(peers(n)) == everybody - {address(n)} for n in self.nodes),
                20,
                "that all know all",
            )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for node in self.nodes:
            node.kill()

    def run(self) -> None:
        for number in range(self.rounds):
            self._round(number)
        self._heal()

    def _round(self, number: int) -> None:
        dice = self.dice
        if self._cuts and dice.random() < 0.6:
            self._heal()
        elif not self._cuts and dice.random() < 0.75:
            self._cut(dice.randrange(1, len(self.nodes)))
        jobs = [(dice.randrange(len(self.nodes)), self._content(number)) for _ in range(2)]
        miner = dice.randrange(len(self.nodes)) if dice.random() < 0.6 else None
        victim = dice.randrange(len(self.nodes)) if number in self._kills else None
        pause = dice.uniform(0, 0.03)
        with ThreadPoolExecutor(len(jobs) + 1) as pool:
            for at, content in jobs:
                pool.submit(self._submit, at, content)
            if miner is not None:
                pool.submit(self._mine, miner)
            if victim is not None:
                threading.Event().wait(pause)
                self.nodes[victim].kill()
                self.done.kills += 1
        if victim is not None:
            self.nodes[victim].start()

    def _content(self, number: int) -> Content:
        """One in three is as another one before it or beside it, at whatever node."""
        if self.dice.random() < 1 / 3:
            return ("alike", "alike", self.dice.randrange(3))
        self._alike += 1
        return ("one", f"of round {number}", self._alike)

    def _submit(self, at: int, content: Content) -> None:
        sent = dict(zip(("sender", "recipient", "amount"), content, strict=True))
        try:
            answer = self.nodes[at].post("/transactions/new", sent, timeout=20)
        except requests.RequestException:
            with self._lock:
                self.done.uncertain[content] += 1
            return
        with self._lock:
            if answer.status_code == 201:
                self.done.acknowledged[content] += 1
                self.done.uids.append((at, answer.json()["id"]))
            else:
                self.done.uncertain[content] += 1

    def _mine(self, at: int) -> None:
        try:
            answer = self.nodes[at].get("/mine", timeout=20)
        except requests.RequestException:
            return
        with self._lock:
            self.done.mined += answer.status_code == 200

    def _cut(self, size: int) -> None:
        """Between some and the others."""
        some = set(self.dice.sample(range(len(self.nodes)), size))
        for one in some:
            for other in set(range(len(self.nodes))) - some:
                cut(self.nodes[one], self.nodes[other])
                self._cuts.add((one, other))
        self.done.partitions += 1

    def _heal(self) -> None:
        for one, other in self._cuts:
            heal(self.nodes[one], self.nodes[other])
        self._cuts = set()

    def drain(self) -> None:
        """Mine until everything that waits anywhere is on one chain."""
        waiting = "SELECT COUNT(*) FROM ledger_transaction WHERE state IN ('pending', 'returned')"

        def is_done() -> bool:
            return len({tip(node) for node in self.nodes}) == 1 and not any(
                rows(node, waiting)[0][0] for node in self.nodes
            )

        for turn in range(40):
            self._mine(turn % len(self.nodes))
            try:
                until(is_done, 2, "that all is on one chain")
            except AssertionError:
                continue
            return
        raise AssertionError(
            f"{[tip(node) for node in self.nodes]},"
            f" waiting {[rows(node, waiting)[0][0] for node in self.nodes]}"
        )

    def entries(self) -> Counter[Content]:
        """What stands on the chain, rewards left out."""
        found: Counter[Content] = Counter()
        for block in self.nodes[0].get("/chain").json()["chain"]:
            for entry in block["transactions"]:
                if entry["sender"] != "0":
                    found[entry["sender"], entry["recipient"], entry["amount"]] += 1
        return found
