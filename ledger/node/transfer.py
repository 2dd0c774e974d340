"""The chain as a file, in the format of `GET /chain`: out of this node, and into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Final

from django.db import connection

from ledger.consensus import read_chain
from ledger.models import Block

from . import branch as branches
from . import chain_text
from .chainstate import Switch
from .conf import NodeConf
from .identity import Identity
from .reading import one_moment
from .writer import Writer

_PIECE: Final = 64 * 1024

Progress = Callable[[int], None]
"""Called with the number of bytes that passed since the last call."""


def export_chain(file: IO[bytes], progress: Progress) -> int:
    """Write the active chain as of one moment; answer how many blocks it has."""
    with one_moment(connection, long=True):
        blocks = chain_text.length()
        for piece in chain_text.body():
            file.write(piece)
            progress(len(piece))
    return blocks


def import_chain(
    file: IO[bytes],
    source: str,
    identity: Identity,
    writer: Writer,
    conf: NodeConf,
    progress: Progress,
) -> tuple[Switch | None, int]:
    """Judge the chain in `file` and adopt it if it is preferred, exactly as a peer's.

    Answers with what changed (None: our chain stays) and the number of blocks read. Raises
    `Refused` if the chain is not valid; nothing is stored then.
    """

    def pieces() -> Iterator[bytes]:
        while piece := file.read(_PIECE):
            progress(len(piece))
            yield piece

    branch = branches.spool(read_chain(pieces(), identity.network, conf.caps))
    try:
        switch = branches.adopt(branch, identity.network, writer, Block.Origin.IMPORT, source)
        return switch, branch.length
    finally:
        branch.close()
