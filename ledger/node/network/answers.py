"""What a peer's answer may hold: one small object, or lines. Read under caps, and never quoted.

The chain itself, as old nodes send it, is read by `ledger.consensus.read_chain`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from ledger.consensus import DEFAULT_CAPS, Refused
from ledger.consensus.validation import check_nesting_and_digits

from ..errors import NodeError

T = TypeVar("T")

SMALL: Final = 64 * 1024  # bytes of an answer that is not about blocks

_CAPS: Final = DEFAULT_CAPS  # of a block: nothing else that is sent has a reason to go beyond


class PeerFailed(NodeError):
    """The peer could not be asked, or did not answer as a node does."""


@dataclass(slots=True)
class Answer:
    """An answer whose body is under way. `latency` is the time in seconds until it began,
    `own_host` the address of this machine that the connection went out from. The whole of it has
    `deadline` seconds, until `ends` on the monotonic clock."""

    status: int
    headers: Mapping[str, str]
    pieces: Iterator[bytes]
    latency: float
    own_host: str
    deadline: float = math.inf
    ends: float = math.inf

    def wait(self, work: Future[T]) -> T:
        """What work on this answer comes to. Raises `PeerFailed` when the deadline is over."""
        left = self.ends - time.monotonic()
        try:
            return work.result(None if math.isinf(left) else max(0.0, left))
        except TimeoutError:
            work.cancel()
            raise PeerFailed(f"no whole answer within {self.deadline:g} s") from None


def read_json(answer: Answer, limit: int = SMALL) -> dict[str, Any]:
    """The object that is the answer's body, of at most `limit` bytes. Raises `PeerFailed` with the
    reason."""
    body = bytearray()
    for piece in answer.pieces:
        body += piece
        if len(body) > limit:
            raise PeerFailed(f"its answer takes over {limit} bytes")
    return read_object(body)


def read_object(text: bytes | bytearray) -> dict[str, Any]:
    """The object that the text is. For small texts: objects cost many times what they take here.

    Strictly JSON: no key twice, no NaN or Infinity, nothing beyond a double, no lone surrogates;
    nesting and digits as in a block. Raises `PeerFailed` with the reason.
    """
    try:
        value = _decoder.decode(text.decode())
        if not isinstance(value, dict):
            raise PeerFailed("its answer is not an object")
        check_nesting_and_digits(value, _CAPS)
        json.dumps(value, ensure_ascii=False).encode()  # fails for lone surrogates
    except RecursionError:
        raise PeerFailed(f"objects and lists nest deeper than {_CAPS.depth}") from None
    except Refused as refused:
        raise PeerFailed(refused.detail) from None
    except ValueError:  # UnicodeError and JSONDecodeError among them
        raise _not_json() from None
    return value


def lines(
    answer: Answer,
    *,
    longest: int = DEFAULT_CAPS.block_bytes,
    limit: int = DEFAULT_CAPS.chain_bytes,
) -> Iterator[bytes]:
    """The body's lines, as they arrive and without their ends: at most `longest` bytes a line, and
    `limit` for all. An empty body has none.

    Raises `PeerFailed` with the reason. The last line ends as the others do: what is left open was
    cut. Where the peer gave no length, a cut between two lines looks like an end; whoever reads
    knows by what the lines say.
    """
    line, taken = bytearray(), 0
    for piece in answer.pieces:
        taken += len(piece)
        if taken > limit:
            raise PeerFailed(f"its answer takes over {limit} bytes")
        start, end = 0, piece.find(b"\n")
        while end >= 0:
            line += piece[start:end]
            _check_line(line, longest)
            yield bytes(line)
            line.clear()
            start = end + 1
            end = piece.find(b"\n", start)
        line += piece[start:]
        _check_line(line, longest)
    if line:
        raise PeerFailed("its answer ends in the middle")


def _check_line(line: bytearray, longest: int) -> None:
    if len(line) > longest:
        raise PeerFailed(f"a line of its answer takes over {longest} bytes")


def _not_json() -> PeerFailed:
    return PeerFailed("its answer is not JSON")


def _integer(literal: str) -> int:
    if len(literal) > _CAPS.digits + 1:  # with a sign; converting costs the digits' square
        raise PeerFailed(f"an integer has over {_CAPS.digits} digits")
    return int(literal)


def _double(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise _not_json()
    return number


def _constant(_: str) -> NoReturn:
    raise _not_json()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise PeerFailed("an object has the same key twice")
    return members


_decoder: Final = json.JSONDecoder(
    parse_int=_integer,
    parse_float=_double,
    parse_constant=_constant,
    object_pairs_hook=_unique,
)
