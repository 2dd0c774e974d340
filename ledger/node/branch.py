"""A peer's chain, from where it leaves ours: judged, spooled, and then adopted.

The blocks are read and judged one by one and written to a temporary file, so that memory stays
flat and nothing of a chain that ends invalid reaches the database.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import IO, Final

from ledger import consensus, models
from ledger.consensus import Network
from ledger.consensus.regular import RegularTransactions, remembered

from . import blockstore, bulk, chainstate, marks
from .chainstate import Switch
from .errors import MarkedInvalid
from .foreign_blocks import read_text
from .writer import Writer

_IN_MEMORY: Final = 1024 * 1024
_AT_ONCE: Final = 32 * 1024  # characters that are written together
_BATCH: Final = 2000  # blocks to one transaction
_BATCH_CHARACTERS: Final = 512 * 1024  # of their texts: decoded, they can take forty times as much
_REGULAR: Final = 8  # and those of the regular shape, which are not decoded, an eighth of that
_HASHES: Final = 2000


@dataclass(slots=True)
class Branch:
    """A valid chain of `length` blocks that ends in `tip_hash`; `count` of them are not on ours.

    `texts` holds the canonical texts of those, a line each, behind its hash where it is regular.
    Close it when done.
    """

    length: int
    tip_hash: str
    count: int
    texts: IO[bytes]

    def close(self) -> None:
        self.texts.close()

    def blocks(self, network: Network) -> Iterator[consensus.Block]:
        """The blocks that are not on our chain, in order."""
        self.texts.seek(0)
        for line in self.texts:
            if line.startswith(b"{"):
                yield read_text(line.rstrip(b"\n"), network)
            else:
                digest, _, text = line.decode().rstrip("\n").partition(" ")
                yield remembered(text, digest)


def spool(blocks: Iterable[consensus.Block]) -> Branch:
    """Read a judged chain to its end. Raises whatever `blocks` raises, leaving nothing behind, and
    `MarkedInvalid` at a block that the operator marked."""
    texts = _Lines()
    own, marked = _active_hashes(), None
    shared, length, count, tip_hash = True, 0, 0, ""
    try:
        for block in blocks:
            if marked is None:  # not before: most of what is refused has no block at all
                marked = marks.hashes()
            if block.hash in marked:
                raise MarkedInvalid(block.index)
            length, tip_hash = block.index, block.hash
            shared = shared and next(own, None) == block.hash
            if not shared:
                count += 1
                texts.add(block)
            del block  # not while the next one comes: it may be large
        return Branch(length, tip_hash, count, texts.written())
    except BaseException:
        texts.file.close()
        raise


class _Lines:
    """What is spooled: many lines are written at once, since to write one takes its time."""

    def __init__(self) -> None:
        self.file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by the branch
        self._waiting: list[str] = []
        self._weight = 0

    def add(self, block: consensus.Block) -> None:
        is_regular = isinstance(block.transactions, RegularTransactions)
        self._waiting.append(
            f"{block.hash} {block.canonical}\n" if is_regular else f"{block.canonical}\n"
        )
        self._weight += len(block.canonical)
        if self._weight > _AT_ONCE:
            self.written()

    def written(self) -> IO[bytes]:
        self.file.write("".join(self._waiting).encode())
        self._waiting, self._weight = [], 0
        return self.file


def adopt(
    branch: Branch, network: Network, writer: Writer, origin: str, source: str
) -> Switch | None:
    """Store the branch and make it the active chain, if it is preferred; None if it is not.

    The switch is one transaction. A long branch is stored before, in batches, so that others can
    write between them; until the switch those blocks are a side branch. Raises `MarkedInvalid` if
    a mark was set meanwhile.
    """
    if not network.prefers(branch.length, models.Tip.objects.get(pk=1).index):
        return None
    with bulk.room(writer, branch.count):
        return _adopt(branch, network, writer, origin, source)


def _adopt(
    branch: Branch, network: Network, writer: Writer, origin: str, source: str
) -> Switch | None:
    addresses = blockstore.AddressIds()

    def store(batch: list[consensus.Block]) -> Callable[[], int]:
        prepared = blockstore.Prepared(batch)
        return partial(blockstore.store_prepared, prepared, addresses, origin, source)

    # One is written while the next is read and prepared.
    last: Callable[[], int] | None = None
    written: Future[int] | None = None
    for batch in _batches(branch.blocks(network)):
        if written is not None:
            written.result()
        if last is not None:
            written = writer.submit(last)
        last = store(batch)
    if written is not None:
        written.result()

    def finish() -> Switch | None:
        if last is not None:
            last()
        tip = models.Block.objects.get(hash=branch.tip_hash)
        return chainstate.switch_to(tip, network, source)

    return writer.run(finish)


def _batches(blocks: Iterable[consensus.Block]) -> Iterator[list[consensus.Block]]:
    """The blocks, as many at once as are stored in one transaction."""
    batch: list[consensus.Block] = []
    weight = 0
    for block in blocks:
        is_regular = isinstance(block.transactions, RegularTransactions)
        own = len(block.canonical) // (_REGULAR if is_regular else 1)
        if batch and (len(batch) == _BATCH or weight + own > _BATCH_CHARACTERS):
            yield batch
            batch, weight = [], 0
        batch.append(block)
        weight += own
    if batch:
        yield batch


def _active_hashes() -> Iterator[str]:
    """The hashes of our active chain, from the genesis on, a page at a time."""
    index = 0
    while True:
        page = list(
            models.ActiveBlock.objects.filter(index__gt=index, index__lte=index + _HASHES)
            .order_by("index")
            .values_list("index", "block__hash")
        )
        if not page:
            return
        index = page[-1][0]
        yield from (digest for _, digest in page)
