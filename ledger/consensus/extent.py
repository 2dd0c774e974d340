"""Finding where an object ends whose text comes in pieces, without reading what is in it."""

from __future__ import annotations

import itertools
import re
from typing import Final

from .errors import Reason, Refused

_ESCAPE: Final = re.compile(r"\\.", re.DOTALL)
_BRACKET_OR_STRING: Final = re.compile(r'([{}\[\]])|"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_STEPS: Final = bytes.maketrans(b"{[}]", b"\1\1\xff\xff")  # up, or down as a signed byte
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"{[}]"))


class Extent:
    """Finds where an object ends whose text comes in pieces."""

    def __init__(self, deepest: int) -> None:
        self._deepest = deepest
        self._depth = 0
        self._open = ""  # the quote, or quote and backslash, of a string that was cut

    def find_end(self, text: str, at: int) -> int | None:
        """Behind its last character; None if this piece does not have that."""
        carried = len(self._open)
        piece = self._open + text[at:]
        parts = _ESCAPE.sub("", piece).split('"')  # outside of strings, inside, outside, …
        self._open = ""
        if len(parts) % 2 == 0:
            self._open = '"\\' if parts[-1].endswith("\\") else '"'
        outside = "".join(parts[::2])
        steps = memoryview(outside.encode().translate(_STEPS, _NO_BRACKETS)).cast("b")
        depths = list(itertools.accumulate(steps, initial=self._depth))
        if max(depths) > self._deepest:
            raise Refused(Reason.TOO_DEEP, f"objects and lists nest deeper than {self._deepest}")
        if 0 not in depths[1:]:
            self._depth = depths[-1]
            return None
        brackets = (found.end() for found in _BRACKET_OR_STRING.finditer(piece) if found[1])
        return at - carried + next(itertools.islice(brackets, depths.index(0, 1) - 1, None))
