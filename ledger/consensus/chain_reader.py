"""Reading the body of a peer's `GET /chain`, block by block, in constant memory.

`chain_body` takes it apart. A large block waits until all of it is there: see `large_blocks`.
Whoever reads many bodies at once lets the large blocks of all of them take turns, and puts them
aside into files.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, Final

from .chain_body import LARGE, ChainBody, Piece
from .dialects import Network
from .errors import Reason, Refused
from .large_blocks import read_large_block
from .primitives import DEFAULT_CAPS, Block, Caps
from .recognition import describe_network
from .validation import judge, read_block

_RECOGNITION_BLOCKS: Final = 4


def _at_once(work: Callable[[], Block]) -> Block:
    return work()


def _read_aside(aside: IO[bytes], network: Network, caps: Caps) -> Block:
    aside.seek(0)
    return read_large_block(aside.read(), network, caps)


def read_chain(
    chunks: Iterable[bytes],
    network: Network,
    caps: Caps = DEFAULT_CAPS,
    *,
    in_turn: Callable[[Callable[[], Block]], Block] = _at_once,
    aside: Callable[[], IO[bytes]] = io.BytesIO,
) -> Iterator[Block]:
    """The blocks of a peer's `/chain` body, each valid in its place, as they arrive.

    A large block waits in a file from `aside` until it has arrived, and is read by `in_turn`.
    Raises `Refused` at the first fault; where the chain looks like another network's, the
    refusal says so in words. An answer without any block is refused too.
    """
    dialect = network.dialect
    body = ChainBody(chunks, dialect.decoder, caps, aside, dialect.read_regular)
    pieces = iter(body)
    first: list[str] = []

    def blocks() -> Iterator[Block]:
        for piece in pieces:
            _remember(first, piece, body.blocks_read)
            try:
                if piece.block:
                    block = piece.block
                elif piece.aside:
                    block = in_turn(partial(_read_aside, piece.aside, network, caps))
                else:
                    block = read_block(piece.value, network, wire=piece.text, caps=caps)
            except Refused as refused:
                refused.index = body.blocks_read  # where it stands, whatever index it claims
                raise
            del piece
            yield block
            del block  # not while the next one comes: it may take its time

    empty = True
    try:
        for block in judge(blocks(), network):
            empty = False
            yield block
            del block
    except Refused as refused:
        refused.network = _seems_another(first, pieces, body, network)
        raise
    if empty:
        raise Refused(Reason.EMPTY_CHAIN, "a chain has at least its genesis")


def read_text(text: bytes, network: Network, caps: Caps = DEFAULT_CAPS) -> Block:
    """The block of this text, in UTF-8. If it is large (`is_large`), read one at a time.

    Raises `Refused` where it is none.
    """
    try:
        wire = text.decode()
        known = network.dialect.read_regular(wire, 0, caps)
        if known is not None and known[1] == len(wire):
            return known[0]
        if is_large(text) and wire.startswith("{"):
            return read_large_block(text, network, caps)
        value = network.dialect.decoder.decode(wire)
    except RecursionError:
        raise Refused(Reason.TOO_DEEP, "objects and lists nest too deep") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "it is not UTF-8"
        raise Refused(Reason.NOT_JSON, f"the answer is not the JSON of a chain: {what}") from None
    return read_block(value, network, wire=wire, caps=caps)


def is_large(text: bytes) -> bool:
    """Whether decoding this could take more memory than many should take at once."""
    return len(text) > LARGE


def _remember(first: list[str], piece: Piece, position: int) -> bool:
    """Keep the first blocks' texts, a few and no large ones: a guess must not cost memory."""
    if piece.aside or not position == len(first) + 1 <= _RECOGNITION_BLOCKS:
        return False
    first.append(piece.text)
    return True


def _seems_another(
    first: list[str], rest: Iterator[Piece], body: ChainBody, network: Network
) -> str:
    """Words on the network a refused chain seems to belong to; '' where it seems to be ours."""
    # Whatever goes wrong from here, a broken connection say, only means fewer blocks to go by.
    with contextlib.suppress(Exception):
        for piece in rest:
            if not _remember(first, piece, body.blocks_read):
                break
    return describe_network(first, network)
