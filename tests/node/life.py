"""One life of a node's writing half: what a crash worker does until it is killed.

The real writer, door, sealing and adoption on a database file; no HTTP and no child process, so
that a life costs milliseconds. Whatever a client would have been told is said in the moment its
future resolves.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from django.utils import timezone

from ledger import models
from ledger.node import identity, invalidation, mempool, sealing
from ledger.node.errors import NotAccepted
from ledger.node.events import Listeners
from ledger.node.mempool import Door, Submission
from ledger.node.writer import Writer

from . import chains
from .chains import IRREGULAR, NETWORK
from .statements import Countdown

Say = Callable[..., None]


class Life:
    """`strike` is what happens at the armed statement of the writing thread."""

    def __init__(self, say: Say, strike: Callable[[str], None], label: str = "") -> None:
        found = identity.load()
        assert found is not None
        self.identity = found
        self.say = say
        self.writer = Writer(Listeners())
        self.door = Door(found.network, transactions=10_000, size=16 * 1024 * 1024)
        self.countdown = Countdown(strike)
        self.writer.run(self.countdown.watch_this_thread)
        self._label = label
        self._sent = 0

    def arm_for_next_group(self, nth: int, when: str) -> None:
        """Count from the BEGIN of whatever is written next."""
        future = self.writer.submit(lambda: None)
        future.add_done_callback(lambda _: self.countdown.arm(nth, when))  # in the writing thread
        future.result()

    def together(self, put: Callable[[], list[Future[Any]]]) -> list[Future[Any]]:
        """Let what `put` queues be committed as one group, and wait for it."""
        entered, leave = threading.Event(), threading.Event()
        self.countdown.pause()

        def hold() -> None:
            entered.set()
            leave.wait()

        gate = self.writer.submit(hold)
        gate.add_done_callback(lambda _: self.countdown.resume())
        entered.wait()
        futures = put()
        leave.set()
        for future in futures:
            future.exception()
        return futures

    # --- what a node does ---------------------------------------------------------------------

    def submit(self, content: Sequence[Any], key: str | None = None) -> Future[Any]:
        """Hand in a transaction; say that it was tried, and its acknowledgement."""
        content = list(content)
        self.say(kind="tried", content=content, key=key)
        submission = Submission(*content, idempotency_key=key)
        future = self.writer.submit_batched(self.door.accept, submission)

        def tell(done: Future[Any]) -> None:
            if done.exception() is None:
                uid = str(done.result().uid)
                self.say(kind="accepted", uid=uid, content=content, key=key)

        future.add_done_callback(tell)
        return future

    def submit_seal(self) -> Future[Any]:
        """Hand in a sealed block, its proof found; say so when it is on the chain."""
        template, proof = chains.frozen(self.identity.identifier)
        future = self.writer.submit(lambda: sealing.seal(template, proof))

        def tell(done: Future[Any]) -> None:
            if done.exception() is None:
                self.say(kind="block", hash=done.result().hash)

        future.add_done_callback(tell)
        return future

    def adopt(self, texts: Sequence[str]) -> None:
        """Take a peer's chain; say which block is the tip then."""
        if chains.adopt(texts, self.writer):
            self.say(kind="block", hash=models.Block.objects.get(canonical=texts[-1]).hash)

    def new_content(self) -> list[Any]:
        self._sent += 1
        return [f"{self._label}-{self._sent}", "somebody", self._sent]

    # --- operations ---------------------------------------------------------------------------

    def accept(self) -> None:
        """A group of submissions, two of them alike, one with a key."""
        self.together(self._put_group)

    def _put_group(self) -> list[Future[Any]]:
        twice = self.new_content()
        futures = [self.submit(twice), self.submit(self.new_content()), self.submit(twice)]
        return [*futures, self.submit(self.new_content(), key=f"key {self._label} {self._sent}")]

    def mix(self) -> None:
        """A group of different requests; one of them fails."""

        def put() -> list[Future[Any]]:
            first = self.submit(self.new_content())
            sealed, failed = self.submit_seal(), self.writer.submit(_refused)
            return [first, sealed, failed, self.submit(self.new_content())]

        self.together(put)

    def seal(self) -> None:
        self.submit_seal().exception()

    def reorganise(self, depth: int = 2, extra: int = 2, rng: random.Random | None = None) -> None:
        """Adopt a branch that leaves ours `depth` blocks ago and has some of our transactions."""
        rng = rng or random.Random(1)
        texts = chains.active_texts()
        base = texts[: max(0, len(texts) - depth)] or [chains.genesis(rng.random())]
        count = len(texts) - len(base) + extra
        contents: list[list[chains.Entry]] = [[chains.reward("a peer")] for _ in range(count)]
        for entry in self._ours(len(base), rng):
            self.say(kind="copied", content=list(entry.values()))
            rng.choice(contents).insert(0, entry)
        rng.choice(contents).insert(0, rng.choice(IRREGULAR))
        self.adopt(chains.grow(base, contents, rng.random()))

    def _ours(self, fork_index: int, rng: random.Random) -> list[chains.Entry]:
        """Some of the transactions that wait or are about to lose their block."""
        waiting = list(mempool.pool())
        undone = models.Transaction.objects.filter(
            inclusions__block__active__index__gt=fork_index
        ).order_by("pk")
        return [
            {"sender": row.sender, "recipient": row.recipient, "amount": row.amount}
            for row in [*waiting, *undone]
            if rng.random() < 0.5
        ]

    def flip_back(self, rng: random.Random | None = None) -> None:
        """Extend an old branch until it is longer than the chain."""
        leaves = models.Block.objects.filter(active=None, children=None).order_by("pk")
        if not leaves:
            return
        leaf = rng.choice(list(leaves)) if rng else leaves[0]
        tip = models.Tip.objects.get(pk=1)
        more = [[chains.reward("a peer")]] * (tip.index + 1 - leaf.index)
        self.adopt(chains.grow(chains.texts_up_to(leaf.hash), more, leaf.index / 7))

    def invalidate_and_reconsider(self) -> None:
        """The block under the tip goes, with those of ours in it, and comes back."""
        index = models.Tip.objects.get(pk=1).index - 1
        digest = models.Block.objects.get(active__index=index).hash
        self.writer.run(lambda: invalidation.invalidate(digest, "a test"))
        self.writer.run(lambda: invalidation.reconsider(digest, NETWORK))

    def replace_genesis(self) -> None:
        self.reorganise(depth=10**6)


def _refused() -> None:
    """An operation that writes something and then fails."""
    models.Peer.objects.create(address="10.0.0.1:1", registered_at=timezone.now())
    raise NotAccepted("this one was to fail")


OPERATIONS: dict[str, Callable[[Life], None]] = {
    "accept": Life.accept,
    "mix": Life.mix,
    "seal": Life.seal,
    "reorganise": Life.reorganise,
    "flip back": Life.flip_back,
    "replace genesis": Life.replace_genesis,
    "invalidate and reconsider": Life.invalidate_and_reconsider,
}


def give_it_a_past(life: Life) -> None:
    """A chain of six blocks, a side branch with transactions of ours, and a pool of five."""
    life.accept()
    life.seal()
    life.accept()
    life.seal()
    life.seal()
    life.reorganise(depth=2, extra=1)
    life.seal()
    life.accept()
    life.submit(life.new_content()).result()


def live(life: Life, rng: random.Random, retries: list[tuple[str, list[Any]]]) -> None:
    """Repeat what went unanswered; then do one thing after the other, by the dice, until killed."""
    for key, content in retries:
        life.submit(content, key).result()
    while True:
        dice = rng.random()
        if dice < 0.4:
            life.accept()
        elif dice < 0.5:
            life.mix()
        elif dice < 0.7:
            life.seal()
        elif dice < 0.88:
            life.reorganise(rng.randint(1, 4), rng.randint(1, 2), rng)
        elif dice < 0.98:
            life.flip_back(rng)
        else:
            life.replace_genesis()


assert NETWORK.difficulty == 1  # the workers search for their proofs themselves
