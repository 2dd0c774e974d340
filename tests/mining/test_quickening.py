"""What takes over from the plain kernel once a search goes on: the fast one, and more cores."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.mining import Progress, SearchCancelled, Searcher, SearchFailed
from ledger.mining import child as child_module
from ledger.mining.child import Child, quicker
from ledger.mining.crew import Crew, Worker
from tests.clocks import processor_seconds

posix = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")

WITHOUT_LLVMLITE = "import sys; sys.modules['llvmlite'] = None; "
IMPATIENT = "from ledger.mining import child; child.WORTHWHILE = 0.001; child.main()"


def command(*arguments: str, setup: str = "") -> list[str]:
    """The real child, which does not wait to become quicker."""
    return [sys.executable, "-c", setup + IMPATIENT, *arguments]


def children(searcher: Searcher) -> list[int]:
    """The processes of the child."""
    pid = searcher.child_pid
    if pid is None:
        return []
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until(true: Callable[[], Any], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_quicker_kernel_is_asked_for_once_and_only_when_it_is_worth_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []
    child = Child(sys.stdin.buffer, sys.stdout.buffer, lambda *_: None, lambda: asked.append(0))
    monkeypatch.setattr(child_module, "WORTHWHILE", time.thread_time() + 0.05)
    child._quicken_when_worthwhile()
    assert not child._has_asked
    while time.thread_time() < child_module.WORTHWHILE:
        pass
    for _ in range(3):
        child._quicken_when_worthwhile()
    wait_until(lambda: asked)
    assert asked == [0]


@pytest.mark.long
def test_a_search_under_way_becomes_quicker_and_finds_the_same() -> None:
    pytest.importorskip("llvmlite", reason="the fast kernel needs llvmlite (requirements/fast.in)")
    rates: list[float] = []
    last = Progress(0, 0.0)
    is_quicker = threading.Event()

    def note(progress: Progress) -> None:
        nonlocal last
        rates.append((progress.tries - last.tries) / (progress.elapsed - last.elapsed))
        last = progress
        if rates[-1] > 2 * rates[0]:
            is_quicker.set()

    with Searcher(command()) as searcher:
        with pytest.raises(SearchCancelled):
            searcher.find(b"100", b"", 64, on_progress=note, cancelled=is_quicker)
        assert searcher.find(b"100", b"", 5).proof == 888_273


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for children")
def test_several_cores_find_the_smallest_proof_and_leave_nobody_behind() -> None:
    with Searcher(command("--cores", "2", setup=WITHOUT_LLVMLITE)) as searcher:
        with pytest.raises(SearchCancelled):
            searcher.find(b"100", b"", 64, cancelled=lambda: len(children(searcher)) == 2)
        assert searcher.find(b"100", b"", 4).proof == 35_293
        assert searcher.find(b"35089", b"", 4).proof == 119_678
        assert searcher.find(b"100", b"", 4, start=35_294).proof == 88_145
        pid, workers = searcher.child_pid, children(searcher)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, workers)))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="asks Linux for children")
def test_a_search_fails_with_its_worker_and_the_next_one_works() -> None:
    with Searcher(command("--cores", "2", setup=WITHOUT_LLVMLITE)) as searcher:
        outcome: list[Exception] = []

        def search() -> None:
            try:
                searcher.find(b"100", b"", 64)
            except Exception as error:
                outcome.append(error)

        thread = threading.Thread(target=search)
        thread.start()
        wait_until(lambda: len(children(searcher)) == 2)
        os.kill(children(searcher)[0], signal.SIGKILL)
        thread.join(10)
        assert isinstance(outcome[0], SearchFailed)
        assert searcher.find(b"100", b"", 4).proof == 35_293


def test_several_cores_of_the_fast_kernel_find_the_smallest_proof() -> None:
    pytest.importorskip("llvmlite", reason="the fast kernel needs llvmlite (requirements/fast.in)")
    crew = quicker(3)
    assert isinstance(crew, Crew)
    assert crew(b"100", b"", 5, 0, 10**7) == 888_273


def test_a_crew_takes_the_first_of_the_proofs_of_its_shares() -> None:
    def every(prefix: bytes, suffix: bytes, difficulty: int, start: int, stop: int) -> int:
        return stop - 1

    assert Crew([every] * 4)(b"", b"", 4, 0, 8000) == 1999
    assert Crew([every] * 4)(b"", b"", 4, 10, 20) == 19


def test_a_worker_searches_its_share() -> None:
    worker = Worker()
    assert worker(b"100", b"", 4, 0, 35_293) is None
    assert worker(b"100", b"", 4, 0, 50_000) == 35_293
    worker._process.kill()
    with pytest.raises(RuntimeError, match="worker"):
        worker(b"100", b"", 4, 0, 50_000)


def test_a_crew_obeys_a_cancel_soon() -> None:
    with Searcher(command("--cores", "2")) as searcher:
        cancelled = threading.Event()
        asked: dict[int, float] = {}

        def note(progress: Any) -> None:
            if progress.elapsed > 0.5 and not asked:
                assert searcher.child_pid
                crew = [searcher.child_pid, *children(searcher)]
                asked.update((pid, processor_seconds(pid)) for pid in crew)
                cancelled.set()

        with pytest.raises(SearchCancelled):
            searcher.find(b"100", b"", 64, on_progress=note, cancelled=cancelled)
        assert searcher.find(b"100", b"", 4).proof == 35_293
        # In what they do: they give way to all others, so on a busy machine they wait for long.
        assert all(processor_seconds(pid) - before < 0.5 for pid, before in asked.items())
