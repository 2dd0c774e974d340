"""Each kernel against the plain loop that it must agree with."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.mining import kernel, lanes
from ledger.mining.crew import Crew
from ledger.mining.kernel import Kernel, digest_bound
from ledger.mining.kernel import search as plain_kernel

# Around each of these the number of digits, or the thousands that the kernel groups by, change.
EDGES = [0, 9, 10, 99, 100, 999, 1000, 1001, 1999, 2000, 9999, 10000, 99999, 100000, 10**6, 10**20]


def holds(prefix: bytes, suffix: bytes, difficulty: int, proof: int) -> bool:
    text = prefix + str(proof).encode("ascii") + suffix
    return hashlib.sha256(text).hexdigest()[:difficulty] == "0" * difficulty


def plain_search(
    prefix: bytes, suffix: bytes, difficulty: int, start: int, stop: int
) -> int | None:
    for proof in range(start, stop):
        if holds(prefix, suffix, difficulty, proof):
            return proof
    return None


@functools.cache
def fast_kernel() -> Kernel:
    pytest.importorskip("llvmlite", reason="the fast kernel needs llvmlite (requirements/fast.in)")
    return lanes.LaneKernel()


@pytest.fixture(scope="module", params=["plain", "plain, whole texts", "fast", "crew"])
def search(request: pytest.FixtureRequest) -> Iterator[Kernel]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param.startswith("plain"):  # which of the two it takes depends on the version
            whole = hashlib.sha256 if "whole" in request.param else None
            patch.setattr(kernel, "_one_shot", whole)
        yield _kernel(request.param)


def _kernel(name: str) -> Kernel:
    if name.startswith("plain"):
        return plain_kernel
    if name == "crew":
        return Crew([plain_kernel] * 3)
    return fast_kernel()


def all_found(
    search: Kernel, prefix: bytes, suffix: bytes, difficulty: int, start: int, stop: int
) -> list[int]:
    found = []
    while (proof := search(prefix, suffix, difficulty, start, stop)) is not None:
        found.append(proof)
        start = proof + 1
    return found


edges = st.sampled_from(EDGES)
starts = st.builds(lambda edge, off: max(0, edge + off), edges, st.integers(-1200, 1200))
affixes = st.one_of(
    st.binary(max_size=70),
    st.from_regex(rb"[0-9]{1,8}", fullmatch=True),
    st.from_regex(rb"[0-9a-f]{64}", fullmatch=True),
)


@settings(max_examples=80, deadline=None, database=None)
@given(affixes, affixes, st.integers(0, 4), starts, st.integers(-5, 2500))
def test_it_finds_what_the_plain_loop_finds(
    search: Kernel, prefix: bytes, suffix: bytes, difficulty: int, start: int, length: int
) -> None:
    expected = plain_search(prefix, suffix, difficulty, start, start + length)
    assert search(prefix, suffix, difficulty, start, start + length) == expected


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize(
    ("prefix", "suffix"), [(b"", b""), (b"100", b""), (b"", b"1"), (b"7", b"0" * 64)]
)
def test_it_misses_no_proof_around_a_change_of_digits(
    search: Kernel, edge: int, prefix: bytes, suffix: bytes
) -> None:
    start, stop = max(0, edge - 150), edge + 150
    expected = [proof for proof in range(start, stop) if holds(prefix, suffix, 1, proof)]
    assert expected
    assert all_found(search, prefix, suffix, 1, start, stop) == expected


@pytest.mark.parametrize("difficulty", [1, 2, 3])
def test_it_finds_every_proof_of_a_long_range_in_order(search: Kernel, difficulty: int) -> None:
    expected = [proof for proof in range(12_345) if holds(b"100", b"", difficulty, proof)]
    assert all_found(search, b"100", b"", difficulty, 0, 12_345) == expected


@pytest.mark.parametrize(
    ("last_proof", "proof"), [(b"100", 35293), (b"35293", 35089), (b"35089", 119678)]
)
def test_it_finds_the_proofs_of_the_article(search: Kernel, last_proof: bytes, proof: int) -> None:
    assert search(last_proof, b"", 4, 0, 200_000) == proof
    assert search(last_proof, b"", 4, proof, proof + 1) == proof
    assert search(last_proof, b"", 4, 0, proof) is None


def test_the_first_proof_of_the_article_has_the_known_digest() -> None:
    digest = "0000c415de5ceea33c02daa85a1c218ecca1b1c9e9864ed34d183597844de8e2"
    assert hashlib.sha256(b"10035293").hexdigest() == digest


def test_difficulty_zero_takes_the_first_integer(search: Kernel) -> None:
    assert search(b"100", b"", 0, 7, 8) == 7


def test_difficulty_64_is_searched_to_the_end_without_a_find(search: Kernel) -> None:
    assert search(b"100", b"", 64, 0, 5000) is None


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (5, 5), (2000, 1000), (1000, 1000), (3, -1)])
def test_an_empty_range_holds_no_proof(search: Kernel, start: int, stop: int) -> None:
    assert search(b"100", b"", 0, start, stop) is None


@pytest.mark.parametrize(("difficulty", "start"), [(-1, 0), (65, 0), (4, -1)])
def test_nonsense_is_refused(search: Kernel, difficulty: int, start: int) -> None:
    with pytest.raises(ValueError, match="must"):
        search(b"100", b"", difficulty, start, 10)


@pytest.mark.parametrize("difficulty", range(65))
def test_the_bound_parts_digests_by_their_leading_zeros(difficulty: int) -> None:
    bound = digest_bound(difficulty)
    for zeros in range(65):
        for digit, rest in [("1", "0"), ("1", "f"), ("f", "f"), ("8", "0")]:
            digest = bytes.fromhex(("0" * zeros + digit).ljust(64, rest)[:64])
            assert (digest < bound) == (zeros >= difficulty)
