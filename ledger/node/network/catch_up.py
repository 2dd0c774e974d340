"""Catching up with a node of our kind: where we part, and the blocks from there.

A locator finds the fork point in one exchange; the blocks follow as a stream of canonical texts,
each judged as it comes. What extends past our own length is adopted in batches, so that a long
catch-up is seen, interrupted and gone on with. What is not longer than ours yet waits in a spool,
and is gone on with at the next visit if the stream breaks.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from ledger.consensus import Block, Network, Place, Refused, check_genesis, check_successor
from ledger.consensus.errors import Reason
from ledger.models import Block as BlockRow
from ledger.models import Tip

from .. import branch as branches
from .. import bulk, marks
from ..branch import Branch
from ..chainstate import Switch
from ..conf import NodeConf
from ..errors import MarkedInvalid
from ..foreign_blocks import read_text
from ..writer import Writer
from . import client
from .client import Answer, PeerFailed
from .progress import NetworkProgress
from .recognition import Position, position
from .serving import locator

BLOCKS: Final = "/api/v1/network/blocks"
_BATCH: Final = 2000  # blocks adopted at once
_STEP: Final = 200  # blocks between two words on how far it is
_LIMIT: Final = 20_000  # blocks asked for at once
_IN_MEMORY: Final = 4 * 1024 * 1024
_KEPT: Final = 16  # interrupted catch-ups that are remembered


@dataclass(slots=True)
class CaughtUp:
    """What a peer's chain turned out to be, as far as it was read. `fork_index` is the last block
    shared when it was asked; `switch` the last change it made to our chain, `complete` whether it
    was read up to its tip."""

    tip: Position
    fork_index: int
    reached: Position
    latency: float
    switch: Switch | None = None
    complete: bool = False


@dataclass(slots=True)
class Segment:
    """Judged blocks that are not adopted yet, on top of a block we hold. `last` is the last of
    them, or that block where there is none; None before a genesis."""

    last: Place | None
    texts: IO[bytes]
    count: int = 0

    @classmethod
    def on(cls, base: Place | None) -> Segment:
        return cls(base, _spool())

    def add(self, block: Block) -> None:
        self.texts.write(block.canonical.encode() + b"\n")
        self.last = Place.of(block)
        self.count += 1

    def begin_anew(self) -> None:
        """What it held was adopted: go on behind it."""
        self.texts.close()
        self.texts, self.count = _spool(), 0

    @property
    def length(self) -> int:
        return self.last.index if self.last else 0


class CatchUp:
    """Remembers what was interrupted. One for a node; safe from several threads, for one peer at a
    time."""

    def __init__(
        self, network: Network, writer: Writer, conf: NodeConf, progress: NetworkProgress
    ) -> None:
        self._network = network
        self._writer = writer
        self._conf = conf
        self._progress = progress
        self._lock = threading.Lock()
        self._kept: dict[str, Segment] = {}

    def run(self, address: str) -> CaughtUp:
        """Follow the chain of the peer at `address`, as far as it is preferred to ours.

        Raises `PeerFailed`, `Refused` and `MarkedInvalid`; what was adopted before stays, since it
        was valid and longer than ours.
        """
        first = done = self._exchange(address)
        switch = done.switch
        with bulk.room(self._writer, self._to_come(done)):
            while not (done.complete or done.reached.index >= done.tip.index):
                if done.reached.index <= done.fork_index:
                    raise PeerFailed("it sent no blocks, though it has more")
                done = self._exchange(address)
                switch = done.switch or switch
        return CaughtUp(done.tip, first.fork_index, done.reached, first.latency, switch, True)

    def _to_come(self, done: CaughtUp) -> int:
        """Blocks that the peer still has, as it says; that is believed after a long stretch."""
        if done.reached.index - done.fork_index < _LIMIT // 2:
            return 0
        return min(done.tip.index, self._conf.caps.chain_blocks) - done.reached.index

    def close(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, {}
        for segment in kept.values():
            segment.texts.close()

    def _exchange(self, address: str) -> CaughtUp:
        """One request: up to `_LIMIT` blocks."""
        kept = self._take(address)
        hashes = [*([kept.last.hash] if kept and kept.last else []), *locator()]
        path = f"{BLOCKS}?locator={','.join(hashes)}&limit={_LIMIT}"
        segment: Segment | None = None
        try:
            with client.ask(
                address, path, policy=self._conf.peer_policy, deadline=self._conf.peer_deadline
            ) as answer:
                lines = client.lines(answer)
                done = self._head(next(lines, b""), hashes, answer)
                if kept and kept.last and done.fork_index == kept.last.index:
                    segment, kept = kept, None
                else:
                    segment = Segment.on(_place(done.reached.hash))
                self._progress.begin(address, done.tip.index - done.fork_index)
                self._follow(address, self._blocks(answer, lines), segment, done)
            return done
        except PeerFailed:
            # What came before the break is as good as a shorter chain would have been.
            if segment is not None:
                self._adopt(address, segment, done)
                if segment.count:
                    self._keep(address, segment)
                    segment = None
            raise
        finally:
            self._progress.end(address)
            for one in (kept, segment):
                if one is not None:
                    one.texts.close()

    def _head(self, line: bytes, asked: list[str], answer: Answer) -> CaughtUp:
        try:
            values = client.read_object(line)
            fork, tip = position(values.get("fork")), position(values.get("tip"))
        except (PeerFailed, ValueError):
            raise PeerFailed("its answer is not a stream of blocks") from None
        if fork.index and fork.hash not in asked:
            raise PeerFailed("it names a fork point it was not asked about")
        place = _place(fork.hash) if fork.index else None
        if place is not None and place.index != fork.index:
            raise PeerFailed("it names a fork point it was not asked about")
        return CaughtUp(tip, fork.index, fork, answer.latency)

    def _follow(
        self, address: str, blocks: Iterator[Block], segment: Segment, done: CaughtUp
    ) -> None:
        """Judge the blocks, and adopt them in batches."""
        marked = marks.hashes()
        for block in blocks:
            self._check(block, segment.last)
            if block.hash in marked:
                raise MarkedInvalid(block.index)
            if block.index > self._conf.caps.chain_blocks:
                raise Refused(
                    Reason.TOO_MANY_BLOCKS, f"over {self._conf.caps.chain_blocks} blocks were sent"
                )
            segment.add(block)
            done.reached = Position(block.index, block.hash)
            if segment.count % _STEP == 0:
                self._progress.advance(address, done.reached.index - done.fork_index)
            if segment.count % _BATCH == 0:
                self._adopt(address, segment, done)
        self._adopt(address, segment, done)
        done.complete = done.reached == done.tip

    def _blocks(self, answer: Answer, lines: Iterator[bytes]) -> Iterator[Block]:
        for line in lines:
            block = read_text(line, self._network, self._conf.caps, answer.wait)
            if block.canonical.encode() != line:
                # It would be the same block; but who sends another text of it has other faults.
                raise Refused(Reason.NOT_CANONICAL, "the text is not the one that was hashed")
            yield block

    def _check(self, block: Block, parent: Place | None) -> None:
        if parent is None:
            check_genesis(block, self._network)
        else:
            check_successor(parent, block, self._network)

    def _adopt(self, address: str, segment: Segment, done: CaughtUp) -> None:
        """Adopt the segment, if that makes our chain longer."""
        if not segment.count or not self._network.prefers(segment.length, _own_length()):
            return
        assert segment.last is not None
        branch = Branch(segment.length, segment.last.hash, segment.count, segment.texts)
        switch = branches.adopt(branch, self._network, self._writer, BlockRow.Origin.PEER, address)
        if switch is not None:  # or our chain grew meanwhile
            done.switch = switch
            segment.begin_anew()

    def _take(self, address: str) -> Segment | None:
        with self._lock:
            return self._kept.pop(address, None)

    def _keep(self, address: str, segment: Segment) -> None:
        with self._lock:
            self._kept[address] = segment
            oldest = list(self._kept)[:-_KEPT] if len(self._kept) > _KEPT else []
            dropped = [self._kept.pop(name) for name in oldest]
        for one in dropped:
            one.texts.close()


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)


def _place(digest: str) -> Place | None:
    """A block we hold, as its successor sees it; None for none."""
    row = BlockRow.objects.filter(hash=digest).values_list("index", "proof").first()
    return None if row is None else Place(row[0], int(row[1]), digest)


def _own_length() -> int:
    return Tip.objects.get(pk=1).index
