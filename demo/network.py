"""What goes on among the nodes: blocks, transactions, partitions; and a line for each of them."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final

import requests

from .nodes import Node

_PEOPLE: Final = ("alice", "bob", "carol", "dave", "erin", "frank")
_MINE_DEADLINE: Final = 600.0  # seconds, for a network that chose a high difficulty
_SIDES_LAST: Final = 4  # times as long as from one block to the next
_PATIENCE: Final = 60.0  # seconds, for all to know all, before the first partition


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Network:
    """The nodes that run, what was seen of them, and what is to happen next.

    `step` is called again and again. Who is cut off from whom is the operator's own act on both
    sides: peers are paused, and what is paused is not asked.
    """

    def __init__(self, nodes: list[Node], *, mine_every: float, partition: bool) -> None:
        self.nodes = nodes
        self._mine_every = mine_every
        self._workers = ThreadPoolExecutor(4, thread_name_prefix="demo")
        self._dice = random.Random()
        self._sides: tuple[list[Node], list[Node]] | None = None
        self._turns: list[Node] = []  # who mines before the dice decide
        self._heights = self._heights_before = ""
        self._journals: dict[str, int] = {}
        now = time.monotonic()
        self._mine_at = self._send_at = now + 1
        self._turn_at = now + mine_every if partition else float("inf")
        self._cut_by = now + _PATIENCE

    def close(self) -> None:
        """After the nodes are gone: nobody waits for an answer any more."""
        self._workers.shutdown(cancel_futures=True)

    def step(self) -> None:
        """Do what is due, and say what there is to see."""
        self._bury()
        if not self.nodes:
            return
        now = time.monotonic()
        if now >= self._mine_at:
            self._mine_at = now + self._dice.uniform(0.5, 1.5) * self._mine_every
            node = self._turns.pop() if self._turns else self._dice.choice(self.nodes)
            self._workers.submit(self._mine, node)
        if now >= self._send_at:
            self._send_at = now + self._dice.uniform(0.3, 0.9) * self._mine_every
            self._workers.submit(self._send, self._dice.choice(self.nodes))
        if now >= self._turn_at:
            self._turn(now)
        self._look()

    # --- what happens -------------------------------------------------------------------------

    def _mine(self, node: Node) -> None:
        try:
            say(f"{node.name} mined block {node.ask('/mine', _MINE_DEADLINE)['index']}")
        except requests.RequestException as error:
            self._complain(node, "did not mine", error)

    def _send(self, node: Node) -> None:
        sender, recipient = self._dice.sample(_PEOPLE, 2)
        amount = self._dice.randint(1, 99)
        values = {"sender": sender, "recipient": recipient, "amount": amount}
        try:
            node.ask("/transactions/new", json=values)
        except requests.RequestException as error:
            self._complain(node, "did not take a transaction", error)
        else:
            say(f"{node.name} took a transaction: {sender} sends {amount} to {recipient}")

    def _complain(self, node: Node, what: str, error: Exception) -> None:
        if node.exit_code is None:
            say(f"{node.name} {what}: {error}")

    def _turn(self, now: float) -> None:
        if self._sides:
            self.heal()
        elif now < self._cut_by and not all_know_all(self.nodes):
            return  # who is not known yet cannot be paused
        elif len(self.nodes) > 1:
            self.cut()
        self._turn_at = time.monotonic() + _SIDES_LAST * self._mine_every

    def cut(self) -> None:
        """Two sides that do not hear of each other; a block on each is what comes next."""
        mixed = self._dice.sample(self.nodes, len(self.nodes))
        middle = self._dice.randint(1, len(mixed) - 1)
        self._sides = one, other = _sorted(mixed[:middle]), _sorted(mixed[middle:])
        self._between("pause", one, other)
        self._turns = [self._dice.choice(one), self._dice.choice(other)]
        say(f"cut: {_names(one)} | {_names(other)}")

    def heal(self) -> None:
        """One network again."""
        if self._sides is not None:
            one, other = self._sides
            self._sides = None
            self._between("resume", one, other)
            say("healed")

    def _between(self, act: str, one: list[Node], other: list[Node]) -> None:
        acts = [
            (node, node.peers(act, others))
            for side, others in ((one, other), (other, one))
            for node in side
            if node.exit_code is None
        ]
        for node, command in acts:
            if command.wait() != 0:
                say(f"{node.name} could not {act} all of the other side:\n{node.last_words()}")

    # --- what is seen -------------------------------------------------------------------------

    def _bury(self) -> None:
        for node in [node for node in self.nodes if node.exit_code is not None]:
            self.nodes.remove(node)
            self._turns = [one for one in self._turns if one is not node]
            say(f"{node.name} is gone (exit code {node.exit_code}); its last words:")
            print(node.last_words(), flush=True)

    def _look(self) -> None:
        tips: dict[tuple[int, str], list[Node]] = {}
        for node in self.nodes:
            with suppress(requests.RequestException):
                forks = node.ask("/forks?as=json")
                tip = forks["tree"]["active"][-1]
                tips.setdefault((tip["index"], tip["hash"]), []).append(node)
                self._tell_of(node, forks["journal"])
        heights = " | ".join(
            f"{_names(nodes)} at {index} ({digest[:8]}…)"
            for (index, digest), nodes in sorted(tips.items(), reverse=True)
        )
        settled, self._heights_before = heights == self._heights_before, heights
        if settled and heights != self._heights:
            self._heights = heights
            say(heights)

    def _tell_of(self, node: Node, journal: list[dict[str, int]]) -> None:
        """The reorganisations since the last look, oldest first."""
        newest = self._journals.setdefault(
            node.name, max((row["id"] for row in journal), default=0)
        )
        for row in sorted(journal, key=lambda row: row["id"]):
            if row["id"] > newest:
                self._journals[node.name] = row["id"]
                left, came = row["disconnected"], row["connected"]
                say(
                    f"{node.name} reorganised: {left} left its chain, {came} came;"
                    f" see {node.url}/reorganisation/{row['id']}"
                )


def all_know_all(nodes: list[Node]) -> bool:
    """Whether each knows the address of each other one."""
    addresses = {node.address for node in nodes}
    with suppress(requests.RequestException):
        return all(node.known() >= addresses - {node.address} for node in nodes)
    return False


def _names(nodes: list[Node]) -> str:
    return ", ".join(node.name for node in nodes)


def _sorted(nodes: list[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: node.name)
