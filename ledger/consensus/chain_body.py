"""The body of a peer's `GET /chain`, taken apart into its blocks' texts as it arrives.

The body is `{"chain": [block, …], "length": N}`, its keys in any order. It comes as pieces of
bytes, cut anywhere, and where they are cut makes no difference. What is read is capped in bytes,
blocks, and per block (`primitives.Caps`). At no time is more held than the block handed on, the
one being read, and a piece: 2 MiB for ordinary blocks. A large block is put aside as it comes.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Final, NamedTuple, NoReturn

from .encoding import Json
from .errors import Reason, Refused
from .extent import Extent
from .primitives import DEFAULT_CAPS, Block, Caps
from .regular import read_none
from .validation import check_nesting_and_digits

LARGE: Final = 16 * 1024
"""Bytes of a block that is not decoded as a whole."""

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_CUT_TOKEN: Final = re.compile(r"[.eE][+-]?|u[0-9a-fA-F]{0,4}|\\")  # of a number, of an escape
_LITERALS: Final = ("true", "false", "null", "NaN", "Infinity", "-Infinity")
_LONGEST_TOKEN: Final = 16  # a literal or escape cut by the end of what has arrived is shorter
_SLICE: Final = 16 * 1024  # bytes let in at once, however large the pieces come
_STEP: Final = 256
_OTHER_VALUE_BYTES: Final = 64 * 1024

_ReadRegular = Callable[[str, int, Caps], tuple[Block, int] | None]


class Piece(NamedTuple):
    """One element of the chain: the decoded value and the text it was decoded from. `value` is None
    if it is a large one, and `aside` has its text, or of the regular shape, then it is `block`."""

    value: Json
    text: str
    aside: IO[bytes] | None = None
    block: Block | None = None


class ChainBody:
    """An incremental reader of a `/chain` body. Iterate over it once; it yields `Piece`s.

    After the iteration `claimed_length` holds the peer's `length`, if it sent an integer. It is a
    claim, not a fact, and nothing here relies on it. Raises `Refused` for what is not such a body.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        decoder: json.JSONDecoder,
        caps: Caps = DEFAULT_CAPS,
        aside: Callable[[], IO[bytes]] = io.BytesIO,
        read_regular: _ReadRegular = read_none,
    ) -> None:
        self.claimed_length: int | None = None
        self.blocks_read = 0
        self.bytes_read = 0
        self._chunks = _sliced(chunks)
        self._decoder = decoder
        self._caps = caps
        self._aside = aside
        self._read_regular = read_regular
        self._utf8 = codecs.getincrementaldecoder("utf-8")("strict")
        self._text = ""
        self._at = 0
        self._ended = False

    def __iter__(self) -> Iterator[Piece]:
        self._expect("{")
        found = False
        more = not self._take("}")
        while more:
            key = self._value(_OTHER_VALUE_BYTES).value
            if type(key) is not str:
                self._fail("an object's key is a string")
            self._expect(":")
            if key == "chain":
                if found:
                    raise Refused(Reason.DUPLICATE_KEY, "the answer has 'chain' twice")
                found = True
                yield from self._elements()
            else:
                value = self._value(_OTHER_VALUE_BYTES).value
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
            longest = self._caps.wire_block_bytes
            piece = self._small(min(longest, LARGE), self._read_regular)
            if piece:
                yield piece
                del piece  # not while the next one comes
            else:
                with self._aside() as aside:
                    self._put_aside(aside, longest)
                    yield Piece(None, "", aside)
            if not self._take(","):
                self._expect("]")
                return

    def _value(self, longest: int) -> Piece:
        """The next JSON value and its text, which may take up to `longest` bytes."""
        return self._small(longest) or self._fail_large()

    def _small(self, longest: int, read_regular: _ReadRegular = read_none) -> Piece | None:
        """The same; None if it takes more bytes."""
        self._peek()
        while True:
            known = read_regular(self._text, self._at, self._caps)
            if known is not None and known[1] - self._at <= longest:  # it is ASCII
                start, self._at = self._at, known[1]
                return Piece(None, self._text[start : self._at], None, known[0])
            decoded = self._decode(self._text, self._at)
            if decoded is not None:
                value, end = decoded
                piece = self._text[self._at : end]
                if 4 * len(piece) > longest and len(piece.encode()) > longest:
                    return None
                self._at = end
                return Piece(value, piece)
            available = len(self._text) - self._at
            if available > longest:
                return None
            # Growing by half of what is there keeps a dripping peer's cost linear, and what is left
            # over for the next values small.
            self._fill(min(available + max(_STEP, available // 2), longest + 1))

    def _put_aside(self, aside: IO[bytes], longest: int) -> None:
        """Write the next value there, which is an object and takes up to `longest` bytes."""
        if self._peek() != "{":
            self._fail_large()
        extent = Extent(self._caps.depth)
        taken = 0
        while True:
            end = extent.find_end(self._text, self._at)
            data = self._text[self._at : end].encode()
            self._at = len(self._text) if end is None else end
            taken += len(data)
            if taken > longest:
                self._fail_large()
            aside.write(data)
            if end is not None:
                return
            if self._ended:
                self._fail_cut()
            self._fill()

    def _decode(self, text: str, start: int) -> tuple[Json, int] | None:
        """The value at `start` and where it ends; None if the rest of it has not arrived."""
        ended = self._ended
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

    def _fail_large(self) -> NoReturn:
        raise Refused(Reason.BLOCK_TOO_LARGE, "a value is larger than any in a chain's answer")

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
