"""Reading the body of a peer's `GET /chain`, block by block, in constant memory.

The body is `{"chain": [block, …], "length": N}`, its keys in any order. It comes as pieces of
bytes, cut anywhere, and where they are cut makes no difference. What is read is capped in bytes,
blocks, and per block (`primitives.Caps`). At no time is more held than the block handed on, the
one being read, and a piece: 2 MiB for ordinary blocks, below 100 MiB for any.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, NoReturn

from .dialects import Network
from .encoding import Json
from .errors import Reason, Refused
from .primitives import DEFAULT_CAPS, Block, Caps
from .recognition import describe_network
from .validation import check_nesting_and_digits, judge, read_block

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_CUT_TOKEN: Final = re.compile(r"[.eE][+-]?|u[0-9a-fA-F]{0,4}|\\")  # of a number, of an escape
_LITERALS: Final = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_LONGEST_TOKEN: Final = 16  # a literal or escape cut by the end of what has arrived is shorter
_STRUCTURE: Final = '{}[],:"'
_STRUCTURE_OR_STRING: Final = re.compile(
    r'[{}\[\],:]|"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL
)
_SLICE: Final = 64 * 1024  # bytes let in at once, however large the pieces come
_STEP: Final = 256
_OTHER_VALUE_BYTES: Final = 64 * 1024
_RECOGNITION_BLOCKS: Final = 4
_RECOGNITION_CHARACTERS: Final = 256 * 1024


class Piece(NamedTuple):
    """One element of the chain: the decoded value and the text it was decoded from."""

    value: Json
    text: str


class ChainBody:
    """An incremental reader of a `/chain` body. Iterate over it once; it yields `Piece`s.

    After the iteration `claimed_length` holds the peer's `length`, if it sent an integer. It is a
    claim, not a fact, and nothing here relies on it. Raises `Refused` for what is not such a body.
    """

    def __init__(
        self, chunks: Iterable[bytes], decoder: json.JSONDecoder, caps: Caps = DEFAULT_CAPS
    ) -> None:
        self.claimed_length: int | None = None
        self.blocks_read = 0
        self.bytes_read = 0
        self._chunks = _sliced(chunks)
        self._decoder = decoder
        self._caps = caps
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")
        self._text = ""
        self._at = 0
        self._ended = False

    def __iter__(self) -> Iterator[Piece]:
        self._expect("{")
        found = False
        more = not self._take("}")
        while more:
            key, _ = self._value(_OTHER_VALUE_BYTES)
            if type(key) is not str:
                self._fail("an object's key is a string")
            self._expect(":")
            if key == "chain":
                if found:
                    raise Refused(Reason.DUPLICATE_KEY, "the answer has 'chain' twice")
                found = True
                yield from self._elements()
            else:
                value, _ = self._value(_OTHER_VALUE_BYTES)
                check_nesting_and_digits({key: value}, self._caps)
                if key == "length" and type(value) is int:
                    self.claimed_length = value
            more = self._take(",")
            if not more:
                self._expect("}")
        if not found:
            raise Refused(Reason.NOT_A_CHAIN, "the answer has no 'chain'")
        if self._peek():
            self._fail("something follows the answer's end")

    def _elements(self) -> Iterator[Piece]:
        if self._peek() not in ("[", ""):
            raise Refused(Reason.NOT_A_CHAIN, "'chain' is not a list")
        self._expect("[")
        if self._take("]"):
            return
        while True:
            if self.blocks_read >= self._caps.chain_blocks:
                raise Refused(
                    Reason.TOO_MANY_BLOCKS, f"over {self._caps.chain_blocks} blocks were sent"
                )
            self.blocks_read += 1
            yield self._value(self._caps.wire_block_bytes)
            if not self._take(","):
                self._expect("]")
                return

    def _value(self, longest: int) -> Piece:
        """The next JSON value and its text, which may take up to `longest` bytes."""
        self._peek()
        text, start = self._text, self._at
        crowded = False
        while True:
            decoded = self._decode(text, start, crowded)
            if decoded is not None:
                value, end = decoded
                piece = text[start:end]
                if 4 * len(piece) > longest and len(piece.encode()) > longest:
                    break
                self._at += len(piece)
                return Piece(value, piece)
            available = len(self._text) - self._at
            if crowded or available > longest:
                break
            # Growing by half of what is there keeps a dripping peer's cost linear, and what is left
            # over for the next values small.
            self._fill(min(available + max(_STEP, available // 2), longest + 1))
            text, start, crowded = self._room()
        raise Refused(Reason.BLOCK_TOO_LARGE, "a value is larger than any in a chain's answer")

    def _decode(self, text: str, start: int, crowded: bool) -> tuple[Json, int] | None:
        """The value at `start` and where it ends; None if the rest of it has not arrived."""
        ended = self._ended and not crowded
        try:
            value, end = self._decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            rest = text[error.pos : error.pos + _LONGEST_TOKEN]
            merely_cut = not rest or error.msg.startswith("Unterminated string")
            if not ended and (merely_cut or len(rest) < _LONGEST_TOKEN):
                return None
            if merely_cut or _CUT_TOKEN.fullmatch(rest) or _starts_literal(rest):
                self._fail_cut()
            self._fail(error.msg)
        except RecursionError:
            raise Refused(Reason.TOO_DEEP, "objects and lists nest too deep") from None
        if type(value) not in (dict, list, str) and len(text) - end < _LONGEST_TOKEN:
            if not ended:
                return None  # a number may go on in the next piece: its digits, or `.5`, or `e+5`
            if _CUT_TOKEN.fullmatch(text, end):
                self._fail_cut()
        return value, end

    def _room(self) -> tuple[str, int, bool]:
        """What may be decoded: a text, where to start, and whether it was cut for being crowded.

        An empty object costs twenty times its characters in memory. But each character of
        structure also stands in the canonical text; so whatever has more of them than a block has
        bytes is no block, and is not decoded to find out.
        """
        room = self._caps.block_bytes
        if len(self._text) - self._at <= room or room >= sum(
            self._text.count(character, self._at) for character in _STRUCTURE
        ):
            return self._text, self._at, False
        for token in _STRUCTURE_OR_STRING.finditer(self._text, self._at):
            room -= 1 if token.end() == token.start() + 1 else 2
            if room < 0:
                return self._text[self._at : token.start()], 0, True
        return self._text, self._at, False

    def _fail_cut(self) -> NoReturn:
        raise Refused(Reason.TRUNCATED, "the answer ends in the middle") from None

    def _fail(self, what: str) -> NoReturn:
        raise Refused(Reason.NOT_JSON, f"the answer is not the JSON of a chain: {what}") from None

    def _peek(self) -> str:
        """The next character that is not white space, or '' at the end."""
        while True:
            match = _SPACE.match(self._text, self._at)
            self._at = match.end() if match else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._fill()

    def _take(self, character: str) -> bool:
        if self._peek() != character:
            return False
        self._at += 1
        return True

    def _expect(self, character: str) -> None:
        found = self._peek()
        if found == "":
            self._fail_cut()
        if found != character:
            self._fail(f"{character!r} was due, {found!r} came")
        self._at += 1

    def _fill(self, wanted: int = 1) -> None:
        """Let pieces in until `wanted` characters are there, and let go of what was read."""
        text = io.StringIO()  # joined once: joining at each piece would cost a drip's square
        there = text.write(self._text[self._at :])
        self._text, self._at = "", 0
        while there < wanted and not self._ended:
            there += text.write(self._next())
        self._text = text.getvalue()

    def _next(self) -> str:
        chunk = next(self._chunks, None)
        try:
            if chunk is None:
                self._ended = True
                if self._utf8.getstate()[0]:
                    self._fail_cut()
                return ""
            self.bytes_read += len(chunk)
            if self.bytes_read > self._caps.chain_bytes:
                raise Refused(
                    Reason.CHAIN_TOO_LARGE, f"over {self._caps.chain_bytes} bytes were sent"
                )
            return self._utf8.decode(chunk)
        except UnicodeDecodeError:
            self._fail("it is not UTF-8")


def _starts_literal(rest: str) -> bool:
    return any(literal.startswith(rest) for literal in _LITERALS)


def _sliced(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _SLICE):
            yield chunk[start : start + _SLICE]


def read_chain(
    chunks: Iterable[bytes], network: Network, caps: Caps = DEFAULT_CAPS
) -> Iterator[Block]:
    """The blocks of a peer's `/chain` body, each valid in its place, as they arrive.

    Raises `Refused` at the first fault; where the chain looks like another network's, the
    refusal says so in words. An answer without any block is refused too.
    """
    body = ChainBody(chunks, network.dialect.decoder, caps)
    pieces = iter(body)
    first: list[str] = []

    def blocks() -> Iterator[Block]:
        for piece in pieces:
            _remember(first, piece.text, body.blocks_read)
            try:
                block = read_block(piece.value, network, wire=piece.text, caps=caps)
            except Refused as refused:
                refused.index = body.blocks_read  # where it stands, whatever index it claims
                raise
            yield block

    empty = True
    try:
        for block in judge(blocks(), network):
            empty = False
            yield block
    except Refused as refused:
        refused.network = _seems_another(first, pieces, body, network)
        raise
    if empty:
        raise Refused(Reason.EMPTY_CHAIN, "a chain has at least its genesis")


def _remember(first: list[str], text: str, position: int) -> bool:
    """Keep the first blocks' texts, a few and no large ones: a guess must not cost memory."""
    if not position == len(first) + 1 <= _RECOGNITION_BLOCKS:
        return False
    if sum(map(len, first)) + len(text) > _RECOGNITION_CHARACTERS:
        return False
    first.append(text)
    return True


def _seems_another(
    first: list[str], rest: Iterator[Piece], body: ChainBody, network: Network
) -> str:
    """Words on the network a refused chain seems to belong to; '' where it seems to be ours."""
    # Whatever goes wrong from here, a broken connection say, only means fewer blocks to go by.
    with contextlib.suppress(Exception):
        for piece in rest:
            if not _remember(first, piece.text, body.blocks_read):
                break
    return describe_network(first, network)
