"""The child process, spoken to in its protocol without a searcher between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.mining.child import CHUNK_SECONDS, FIRST_CHUNK, next_chunk
from tests.clocks import processor_seconds

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """The bare child process, to be spoken to in its protocol."""
    with subprocess.Popen(
        [sys.executable, "-m", "ledger.mining.child"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        yield process


def tell(child: subprocess.Popen[bytes], **message: str | int) -> None:
    assert child.stdin is not None
    child.stdin.write(json.dumps(message).encode() + b"\n")
    child.stdin.flush()


def hear(child: subprocess.Popen[bytes]) -> tuple[str, int]:
    assert child.stdout is not None
    answer = json.loads(child.stdout.readline())
    return answer["type"], answer["id"]


def hear_the_end(child: subprocess.Popen[bytes]) -> tuple[str, int]:
    """How the next search to end did: on a busy machine any may be told of four times a second."""
    while (heard := hear(child))[0] == "progress":
        pass
    return heard


def order(search_id: int, difficulty: int) -> dict[str, str | int]:
    return {
        "type": "search",
        "id": search_id,
        "prefix": b"100".hex(),
        "suffix": "",
        "difficulty": difficulty,
        "start": 0,
    }


def test_the_child_obeys_a_cancel_within_100_ms(child: subprocess.Popen[bytes]) -> None:
    tell(child, **order(1, 64))
    tell(child, type="cancel", id=7)  # not the one that runs
    assert hear(child) == ("progress", 1)
    asked_at = processor_seconds(child.pid)  # it gives way to all others: it may not even run
    tell(child, type="cancel", id=1)
    assert hear_the_end(child) == ("cancelled", 1)
    assert processor_seconds(child.pid) - asked_at < 0.1


def test_a_new_search_takes_the_place_of_the_one_that_runs(child: subprocess.Popen[bytes]) -> None:
    tell(child, **order(1, 64))
    tell(child, **order(2, 4))
    assert [hear_the_end(child) for _ in range(2)] == [("cancelled", 1), ("found", 2)]


@pytest.mark.skipif(os.name == "nt", reason="niceness as POSIX has it")
def test_the_child_gives_way_to_others(child: subprocess.Popen[bytes]) -> None:
    tell(child, **order(1, 0))
    assert hear(child) == ("found", 1)
    nice = os.getpriority(os.PRIO_PROCESS, child.pid)
    assert nice == min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)


@pytest.mark.parametrize("line", [b"nonsense\n", b'{"type": "dance"}\n', b'{"type": "search"}\n'])
def test_a_child_that_is_told_nonsense_ends_with_an_error(line: bytes) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "ledger.mining.child"],
        cwd=ROOT, input=line, capture_output=True, timeout=5, check=False,
    )  # fmt: skip
    assert (child.returncode, child.stdout) == (2, b"")
    assert b"Traceback" in child.stderr


@pytest.mark.parametrize("line", [b"", b'{"type": "quit"}\n'])
def test_a_child_told_to_quit_or_left_alone_ends_without_a_word(line: bytes) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "ledger.mining.child"],
        cwd=ROOT, input=line, capture_output=True, timeout=5, check=False,
    )  # fmt: skip
    assert (child.returncode, child.stdout, child.stderr) == (0, b"", b"")


def test_chunks_grow_slowly_and_shrink_at_once() -> None:
    assert next_chunk(1000, 0.0) == 2000
    assert next_chunk(10_000, CHUNK_SECONDS) == 10_000
    assert next_chunk(100_000, CHUNK_SECONDS * 10) == 10_000
    assert next_chunk(FIRST_CHUNK, 60.0) == FIRST_CHUNK


def test_a_search_with_an_end_says_when_there_is_no_proof_before_it(
    child: subprocess.Popen[bytes],
) -> None:
    tell(child, **order(1, 4), stop=35_293)
    assert hear_the_end(child) == ("exhausted", 1)
    tell(child, **order(2, 4), stop=35_294)
    assert hear_the_end(child) == ("found", 2)
