"""Blocks from elsewhere, read so that many large ones at once cost the memory of one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import IO, Final

from ledger import consensus
from ledger.consensus import DEFAULT_CAPS, Block, Caps, Network

Wait = Callable[[Future[Block]], Block]

_IN_MEMORY: Final = 32 * 1024

# One thread, not only one at a time: what a thread has freed, the C library keeps for that thread.
_one = ThreadPoolExecutor(1, thread_name_prefix="ledger-large-blocks")


def read_chain(
    pieces: Iterable[bytes], network: Network, caps: Caps, wait: Wait = Future.result
) -> Iterator[Block]:
    """The blocks of a `/chain` body, each valid in its place. Raises `Refused`, and what `wait`
    raises when a large one's turn does not come in time."""
    return consensus.read_chain(
        pieces, network, caps, in_turn=lambda work: wait(_one.submit(work)), aside=_aside
    )


def read_text(
    text: bytes, network: Network, caps: Caps = DEFAULT_CAPS, wait: Wait = Future.result
) -> Block:
    """The block of this text, not judged. Raises `Refused`, and as above."""
    read = partial(consensus.read_text, text, network, caps)
    return wait(_one.submit(read)) if consensus.is_large(text) else read()


def _aside() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(_IN_MEMORY)
