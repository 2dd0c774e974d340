"""SHA-256's compression as FIPS 180-4 writes it down, for whatever can add and rotate words.

`hashlib` does the hashing; this is for what it cannot do: compress many messages side by side
(`ledger.mining.machine_code`), and prepare the blocks that are the same in all of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol, TypeVar

Word = TypeVar("Word")

INITIAL: Final = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)  # fmt: skip

K: Final = (
    0x428A2F98, 0x71374491, 0xB5C0FBCF, 0xE9B5DBA5, 0x3956C25B, 0x59F111F1, 0x923F82A4, 0xAB1C5ED5,
    0xD807AA98, 0x12835B01, 0x243185BE, 0x550C7DC3, 0x72BE5D74, 0x80DEB1FE, 0x9BDC06A7, 0xC19BF174,
    0xE49B69C1, 0xEFBE4786, 0x0FC19DC6, 0x240CA1CC, 0x2DE92C6F, 0x4A7484AA, 0x5CB0A9DC, 0x76F988DA,
    0x983E5152, 0xA831C66D, 0xB00327C8, 0xBF597FC7, 0xC6E00BF3, 0xD5A79147, 0x06CA6351, 0x14292967,
    0x27B70A85, 0x2E1B2138, 0x4D2C6DFC, 0x53380D13, 0x650A7354, 0x766A0ABB, 0x81C2C92E, 0x92722C85,
    0xA2BFE8A1, 0xA81A664B, 0xC24B8B70, 0xC76C51A3, 0xD192E819, 0xD6990624, 0xF40E3585, 0x106AA070,
    0x19A4C116, 0x1E376C08, 0x2748774C, 0x34B0BCB5, 0x391C0CB3, 0x4ED8AA4A, 0x5B9CCA4F, 0x682E6FF3,
    0x748F82EE, 0x78A5636F, 0x84C87814, 0x8CC70208, 0x90BEFFFA, 0xA4506CEB, 0xBEF9A3F7, 0xC67178F2,
)  # fmt: skip


class Arithmetic(Protocol[Word]):
    """What words of 32 bits can do; additions are modulo 2**32."""

    def add(self, *words: Word) -> Word: ...
    def xor(self, *words: Word) -> Word: ...
    def both(self, one: Word, other: Word) -> Word: ...
    def rotate(self, word: Word, bits: int) -> Word: ...
    def shift(self, word: Word, bits: int) -> Word: ...


def schedule(block: Sequence[Word], on: Arithmetic[Word]) -> Iterator[Word]:
    """The 64 words of the message schedule of a block of 16 words (FIPS 180-4, 6.2.2, step 1)."""
    last = deque(block, 16)
    yield from block
    for _ in range(48):
        old, new = last[1], last[14]
        sigma0 = on.xor(on.rotate(old, 7), on.rotate(old, 18), on.shift(old, 3))
        sigma1 = on.xor(on.rotate(new, 17), on.rotate(new, 19), on.shift(new, 10))
        last.append(on.add(last[0], sigma0, last[9], sigma1))
        yield last[-1]


def compress(state: Sequence[Word], keyed: Iterable[Word], on: Arithmetic[Word]) -> list[Word]:
    """The state after a block (steps 2 to 4). `keyed`: its schedule, K added to each word."""
    a, b, c, d, e, f, g, h = state
    for word in keyed:
        sum1 = on.xor(on.rotate(e, 6), on.rotate(e, 11), on.rotate(e, 25))
        choice = on.xor(g, on.both(e, on.xor(f, g)))
        first = on.add(h, word, sum1, choice)
        sum0 = on.xor(on.rotate(a, 2), on.rotate(a, 13), on.rotate(a, 22))
        majority = on.xor(on.both(a, on.xor(b, c)), on.both(b, c))
        a, b, c, d, e, f, g, h = on.add(first, sum0, majority), a, b, c, on.add(d, first), e, f, g
    return [on.add(old, new) for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


class Integers:
    """The arithmetic of Python's integers."""

    def add(self, *words: int) -> int:
        return sum(words) & 0xFFFFFFFF

    def xor(self, *words: int) -> int:
        result = 0
        for word in words:
            result ^= word
        return result

    def both(self, one: int, other: int) -> int:
        return one & other

    def rotate(self, word: int, bits: int) -> int:
        return (word >> bits | word << (32 - bits)) & 0xFFFFFFFF

    def shift(self, word: int, bits: int) -> int:
        return word >> bits
