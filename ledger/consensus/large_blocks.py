"""Reading one large block in little memory.

A decoded JSON value can take forty times its text: a mebibyte of lists in lists is a legal block,
and 45 MB. So a large block is never decoded as a whole. What is small in it is decoded and written
as its canonical text, and let go; what is not small is put together from those texts. The verdict
and the text are those of `validation.read_block`.
"""

from __future__ import annotations

import io
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn, overload

from .dialects import Network
from .encoding import Json, hash_of
from .errors import Reason, Refused
from .primitives import DEFAULT_CAPS, Block, Caps
from .validation import (
    check_keys_once,
    check_nesting_and_digits,
    check_shape,
    check_size,
    check_transaction,
)

_WINDOW: Final = 4096  # bytes in which a value is small
_SPACE: Final = re.compile(rb"[ \t\n\r]*")
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_OTHER_TOKEN: Final = re.compile(rb"[^\s\[\]{},:\"]*")
_MOST_MISSES: Final = 10  # each makes it twice as long until several are tried at once again
_CLOSING: Final = {b"{": b"}", b"[": b"]"}


class Transactions(Sequence[dict[str, Any]]):
    """A large block's transactions, decoded one by one from their canonical text when looked at."""

    def __init__(self, text: str, count: int, decoder: json.JSONDecoder) -> None:
        self._text = text
        self._count = count
        self._decoder = decoder

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        at = 1
        for _ in range(self._count):
            value, at = self._decoder.raw_decode(self._text, at)
            yield value
            at = self._text.find("{", at)

    @overload
    def __getitem__(self, at: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(at, slice):
            return list(self)[at]
        if not -self._count <= at < self._count:
            raise IndexError(at)
        return next(itertools.islice(self, at % self._count, None))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment] # as a list


def read_large_block(data: bytes, network: Network, caps: Caps = DEFAULT_CAPS) -> Block:
    """The block whose text on the wire is `data`, UTF-8 that begins with `{`.

    Raises `Refused` when it is no block, or past the caps.
    """
    return _Reader(data, network, caps).block()


class _Reader:
    """`_at` is the next byte to be read. A value's `depth` is how many objects and lists it lies
    in, the block included."""

    def __init__(self, data: bytes, network: Network, caps: Caps) -> None:
        self._data = data
        self._network = network
        self._decoder = network.dialect.decoder
        self._caps = caps
        self._left = [replace(caps, depth=caps.depth - depth) for depth in range(caps.depth + 1)]
        self._at = 0
        self._written = 0
        self._transactions = 0

    def block(self) -> Block:
        members = self._members(0)
        if self._peek():
            self._fail("Extra data")
        value = {key: self._outline(text) for key, text in members.items()}
        at = check_shape(value)
        canonical = self._network.dialect.encode_object(members)
        check_size(canonical, self._caps, at)
        return Block(
            index=value["index"],
            timestamp=value["timestamp"],
            transactions=Transactions(members["transactions"], self._transactions, self._decoder),
            proof=value["proof"],
            previous_hash=value["previous_hash"],
            canonical=canonical,
            hash=hash_of(canonical),
        )

    def _outline(self, text: str) -> Json:
        """The value of this text; an empty one of its kind for an object or a list."""
        if text[0] in "[{":
            return [] if text[0] == "[" else {}
        return self._decoder.decode(text)

    def _value(self, depth: int) -> str:
        """The canonical text of the next value."""
        first = self._peek()
        if first in (b"{", b"["):
            small = self._small(depth)
            if small is not None:
                return small
            return self._object(depth) if first == b"{" else self._list(depth)
        value = self._decode(self._token(_STRING if first == b'"' else _OTHER_TOKEN))
        check_nesting_and_digits([value], self._caps)
        return self._count(self._network.canonical(value))

    def _small(self, depth: int) -> str | None:
        """The next value's canonical text, if it is an object or a list that fits the window."""
        text = self._window()
        try:
            value, end = self._decoder.raw_decode(text)
        except json.JSONDecodeError:
            return None  # cut, or wrong: going through it will tell
        except RecursionError:
            self._fail_deep()
        return self._checked(value, text[:end], depth)

    def _several(self, depth: int, closing: bytes) -> tuple[list[Json], str] | None:
        """As many elements of a list as fit the window, and their canonical text; None where that
        is hard to say. One by one, small ones would take ten times as long."""
        window = self._data[self._at : self._at + _WINDOW]
        end = window.rfind(closing + b",")
        text = window[: end + len(closing)].decode() if end >= 0 else ""
        try:
            values, end = self._decoder.raw_decode(f"[{text}]")
        except (json.JSONDecodeError, RecursionError):
            return None
        if not values or end < len(text) + 2:
            return None
        return values, self._checked(values, f"[{text}]", depth - 1, unlisted=True)

    def _checked(self, value: Json, wire: str, depth: int, *, unlisted: bool = False) -> str:
        check_nesting_and_digits(value, self._left[depth])
        canonical = self._network.canonical(value)
        check_keys_once(wire, canonical)
        self._at += len(wire.encode())
        if unlisted:  # the brackets were never there
            self._at -= 2
            canonical = canonical[1:-1]
        return self._count(canonical)

    def _list(self, depth: int, *, of_transactions: bool = False) -> str:
        if depth >= self._caps.depth:
            self._fail_deep()
        self._at += 1
        if self._peek() == b"]":
            self._at += 1
            return "[]"
        out = io.StringIO()
        mark, count = "[", 0
        misses = alone = 0
        while True:
            several = None
            if alone:
                alone -= 1
            else:
                several = self._several(depth + 1, _CLOSING.get(self._peek(), b""))
                misses = 0 if several else misses + 1
                alone = 2 ** min(misses, _MOST_MISSES) if misses else 0
            values, text = several or ([], self._value(depth + 1))
            if of_transactions:
                for value in values or [self._outline(text)]:
                    check_transaction(count, value)
                    count += 1
            out.write(mark)
            out.write(text)
            mark = self._network.dialect.separator
            if not self._goes_on(b"]"):
                break
        if of_transactions:
            self._transactions = count
        out.write("]")
        return out.getvalue()

    def _object(self, depth: int) -> str:
        return self._network.dialect.encode_object(self._members(depth))

    def _members(self, depth: int) -> dict[str, str]:
        """The canonical texts of the next object's members."""
        if depth >= self._caps.depth:
            self._fail_deep()
        self._at += 1
        members: dict[str, str] = {}
        if self._peek() == b"}":
            self._at += 1
            return members
        while True:
            if self._peek() != b'"':
                self._fail("Expecting property name enclosed in double quotes")
            key = self._decode(self._token(_STRING))
            if key in members:
                raise Refused(Reason.DUPLICATE_KEY, "an object has the same key twice")
            if self._peek() != b":":
                self._fail("Expecting ':' delimiter")
            self._at += 1
            self._written += len(key)
            if depth == 0 and key == "transactions" and self._peek() == b"[":
                members[key] = self._list(1, of_transactions=True)
            else:
                members[key] = self._value(depth + 1)
            if not self._goes_on(b"}"):
                return members

    def _goes_on(self, end: bytes) -> bool:
        """Whether a comma is next, and not the end of the list or object."""
        found = self._peek()
        if found not in (b",", end):
            self._fail("Expecting ',' delimiter")
        self._at += 1
        return found == b","

    def _peek(self) -> bytes:
        found = _SPACE.match(self._data, self._at)
        self._at = found.end() if found else self._at
        return self._data[self._at : self._at + 1]

    def _window(self) -> str:
        """What follows, up to the last character of structure: so that no number is cut."""
        window = self._data[self._at : self._at + _WINDOW]
        if self._at + _WINDOW < len(self._data):
            window = window[: max(map(window.rfind, (b",", b"]", b"}"))) + 1]
        return window.decode()

    def _token(self, pattern: re.Pattern[bytes]) -> bytes:
        found = pattern.match(self._data, self._at)
        if found is None:
            self._fail("Unterminated string starting at")
        token = found[0]
        self._at = found.end()
        # Each escape stands for one character at least, and everything else for itself.
        least = len(token) - 5 * token.count(b"\\u") - token.count(b"\\")
        if pattern is _STRING and least > self._caps.block_bytes:
            self._fail_size()
        return token

    def _decode(self, token: bytes) -> Json:
        try:
            return self._decoder.decode(token.decode())
        except json.JSONDecodeError as error:
            self._fail(error.msg)

    def _count(self, text: str) -> str:
        self._written += len(text)
        if self._written > self._caps.block_bytes:
            self._fail_size()
        return text

    def _fail(self, what: str) -> NoReturn:
        raise Refused(Reason.NOT_JSON, f"the answer is not the JSON of a chain: {what}") from None

    def _fail_deep(self) -> NoReturn:
        raise Refused(
            Reason.TOO_DEEP, f"objects and lists nest deeper than {self._caps.depth}"
        ) from None

    def _fail_size(self) -> NoReturn:
        raise Refused(
            Reason.BLOCK_TOO_LARGE, f"the block takes over {self._caps.block_bytes} bytes"
        )
