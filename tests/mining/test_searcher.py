"""The searcher and its child process, and what happens when either is hurt."""

from __future__ import annotations

import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.mining import (
    Found,
    Progress,
    SearchBusy,
    SearchCancelled,
    Searcher,
    SearchFailed,
)

ROOT = Path(__file__).resolve().parents[2]
ENDLESS = (b"100", b"", 64)

posix = pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")


@pytest.fixture
def searcher() -> Iterator[Searcher]:
    with Searcher() as searcher:
        yield searcher


class Running:
    """A search in a thread of its own, and what became of it."""

    def __init__(self, searcher: Searcher) -> None:
        self.reports: queue.SimpleQueue[Progress] = queue.SimpleQueue()
        self.outcome: Found | Exception | None = None
        self.ended_at = 0.0
        self._searcher = searcher
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self.reports.get(timeout=5)  # it really runs

    def _run(self) -> None:
        try:
            self.outcome = self._searcher.find(*ENDLESS, on_progress=self.reports.put)
        except Exception as error:
            self.outcome = error
        self.ended_at = time.monotonic()

    def join(self) -> Found | Exception | None:
        self._thread.join(5)
        assert not self._thread.is_alive()
        return self.outcome


def is_running(pid: int) -> bool:
    """Whether the process is there and not a zombie that nobody has collected."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def comes_true(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def stand_in(code: str) -> list[str]:
    """The command for a child that runs this code instead."""
    return [sys.executable, "-c", code]


def with_kernel(body: str) -> list[str]:
    """The command for the real child with another kernel."""
    return stand_in(
        "from ledger.mining import child\n"
        f"def search(prefix, suffix, difficulty, start, stop):\n    {body}\n"
        "child.KERNEL = search\n"
        "child.main()\n"
    )


def test_it_finds_the_proofs_of_the_article_one_after_the_other(searcher: Searcher) -> None:
    found = searcher.find(b"100", b"", 4)
    assert (found.proof, found.tries) == (35293, 35294)
    assert found.elapsed > 0
    assert searcher.find(b"35293", b"", 4).proof == 35089
    assert searcher.find(b"35089", b"", 4).proof == 119678


def test_it_starts_where_it_is_told_and_counts_tries_from_there(searcher: Searcher) -> None:
    found = searcher.find(b"100", b"", 4, start=35_000)
    assert (found.proof, found.tries) == (35293, 294)
    assert searcher.find(b"100", b"", 4, start=35_294).proof > 35_293


def test_any_bytes_may_stand_around_the_proof(searcher: Searcher) -> None:
    prefix, suffix = bytes(range(256)), b"\n\x00\xff" * 30
    proof = searcher.find(prefix, suffix, 3).proof
    digest = hashlib.sha256(prefix + str(proof).encode() + suffix).hexdigest()
    assert digest.startswith("000")


def test_the_child_starts_with_the_first_search_and_is_kept(searcher: Searcher) -> None:
    pids = [searcher.child_pid]
    for _ in range(2):
        searcher.find(b"100", b"", 1)
        pids.append(searcher.child_pid)
    assert pids[0] is None
    assert pids[1] is not None
    assert pids[1] == pids[2]


def test_it_works_from_any_directory_even_one_that_shadows_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json.py", "ledger.py"):
        (tmp_path / name).write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with Searcher() as searcher:
        assert searcher.find(b"100", b"", 4).proof == 35293


@pytest.mark.parametrize(("difficulty", "start"), [(-1, 0), (65, 0), (4, -1)])
def test_nonsense_is_refused_before_a_child_is_started(difficulty: int, start: int) -> None:
    with Searcher() as searcher:
        with pytest.raises(ValueError, match="no search with"):
            searcher.find(b"100", b"", difficulty, start=start)
        assert searcher.child_pid is None


def test_progress_comes_four_times_a_second_and_grows(searcher: Searcher) -> None:
    reports: list[tuple[float, Progress, int]] = []
    stop = threading.Event()

    def note(progress: Progress) -> None:
        reports.append((time.monotonic(), progress, threading.get_ident()))
        if len(reports) == 4:
            stop.set()

    with pytest.raises(SearchCancelled):
        searcher.find(*ENDLESS, on_progress=note, cancelled=stop)
    between_first_and_last = reports[-1][0] - reports[0][0]
    assert 0.45 < between_first_and_last < 1.6  # three times a quarter of a second is 0.75
    tries = [progress.tries for _, progress, _ in reports]
    assert tries == sorted(set(tries))
    assert {thread for _, _, thread in reports} == {threading.get_ident()}
    last = reports[-1][1]
    assert last.rate == last.tries / last.elapsed > 1000


def test_a_rate_without_any_time_is_zero() -> None:
    assert Progress(0, 0.0).rate == 0.0


def test_cancel_from_another_thread_ends_an_endless_search_within_100_ms(
    searcher: Searcher,
) -> None:
    running = Running(searcher)
    pid = searcher.child_pid
    asked_at = time.monotonic()
    assert searcher.cancel()
    assert isinstance(running.join(), SearchCancelled)
    assert running.ended_at - asked_at < 0.1
    # The child has really let go: the next search is answered, and by the same process.
    began = time.monotonic()
    assert searcher.find(b"100", b"", 1).proof >= 0
    assert time.monotonic() - began < 0.5
    assert searcher.child_pid == pid


@pytest.mark.parametrize("as_function", [False, True])
def test_the_callers_own_flag_cancels_within_100_ms(searcher: Searcher, as_function: bool) -> None:
    flag = threading.Event()
    set_at: list[float] = []

    def raise_flag() -> None:
        set_at.append(time.monotonic())
        flag.set()

    searcher.find(b"100", b"", 0)
    threading.Timer(0.1, raise_flag).start()
    with pytest.raises(SearchCancelled):
        searcher.find(*ENDLESS, cancelled=flag.is_set if as_function else flag)
    assert time.monotonic() - set_at[0] < 0.1


def test_a_cancelled_search_is_called_off_in_the_child(tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    code = (
        "import sys\n"
        f"with open({str(heard)!r}, 'w') as heard:\n"
        "    for line in sys.stdin:\n"
        "        print(line, file=heard, end='', flush=True)\n"
        "        if 'quit' in line: break\n"
    )
    with Searcher(stand_in(code)) as searcher, pytest.raises(SearchCancelled):
        searcher.find(*ENDLESS, cancelled=lambda: True)
    types = [json.loads(line)["type"] for line in heard.read_text().splitlines()]
    assert types == ["search", "cancel", "quit"]


def test_a_cancel_with_nothing_running_does_not_reach_the_next_search(searcher: Searcher) -> None:
    assert not searcher.cancel()
    assert searcher.find(b"100", b"", 4).proof == 35293


def test_an_error_in_on_progress_reaches_the_caller_and_frees_the_searcher(
    searcher: Searcher,
) -> None:
    def fail(progress: Progress) -> None:
        raise LookupError("the page is gone")

    with pytest.raises(LookupError, match="the page is gone"):
        searcher.find(*ENDLESS, on_progress=fail)
    assert searcher.find(b"100", b"", 4).proof == 35293


def test_a_second_search_at_the_same_time_is_refused_and_the_first_goes_on(
    searcher: Searcher,
) -> None:
    running = Running(searcher)
    with pytest.raises(SearchBusy):
        searcher.find(b"100", b"", 1)
    assert running.outcome is None
    assert searcher.cancel()
    assert isinstance(running.join(), SearchCancelled)


@posix
def test_a_killed_child_fails_the_search_and_the_next_search_has_a_new_child(
    searcher: Searcher,
) -> None:
    running = Running(searcher)
    pid = searcher.child_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    outcome = running.join()
    assert isinstance(outcome, SearchFailed)
    assert "SIGKILL" in str(outcome)
    assert not is_running(pid)
    assert searcher.find(b"100", b"", 4).proof == 35293
    assert searcher.child_pid not in {None, pid}


@posix
def test_a_child_killed_between_two_searches_is_replaced(searcher: Searcher) -> None:
    searcher.find(b"100", b"", 1)
    pid = searcher.child_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert comes_true(lambda: searcher.child_pid is None, 1)
    assert searcher.find(b"100", b"", 4).proof == 35293
    assert searcher.child_pid not in {None, pid}


@pytest.mark.parametrize(
    "written",
    [
        "not json\n",
        "[]\n",
        "{}\n",
        '{"type": "found", "id": 1, "tries": 1, "elapsed": 0.1}\n',
        '{"type": "progress", "id": true, "tries": 1, "elapsed": 0.1}\n',
        '{"type": "cancelled", "id": 1, "tries": 1, "elapsed": 0.1}\n',
        "[" * 60_000 + "\n",
        "x" * 70_000,
    ],
    ids=lambda written: written[:24].strip(),
)
def test_garbage_from_the_child_fails_the_search_at_once(written: str) -> None:
    code = f"import sys, time\nsys.stdout.write({written!r}); sys.stdout.flush()\ntime.sleep(60)"
    with Searcher(stand_in(code)) as searcher:
        began = time.monotonic()
        with pytest.raises(SearchFailed, match=r"not an answer|by itself"):
            searcher.find(b"100", b"", 4)
        assert time.monotonic() - began < 2


@posix
def test_a_child_that_wrote_garbage_is_dead_when_the_search_fails() -> None:
    code = "import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)"
    with Searcher(stand_in(code)) as searcher:
        with pytest.raises(SearchFailed) as caught:
            searcher.find(b"100", b"", 4)
        pid = int("".join(filter(str.isdigit, str(caught.value).partition(",")[0])))
        assert not is_running(pid)
        assert searcher.child_pid is None


@pytest.mark.parametrize(("proof", "start"), [(35292, 0), (35293, 35294)])
def test_a_false_proof_is_never_returned(proof: int, start: int) -> None:
    answer = f'{{"type": "found", "id": 1, "proof": {proof}, "tries": 1, "elapsed": 0.1}}'
    code = f"import sys\nsys.stdin.readline()\nprint({answer!r}, flush=True)\nsys.stdin.read()"
    with Searcher(stand_in(code)) as searcher:
        with pytest.raises(SearchFailed, match=f"false proof: {proof}"):
            searcher.find(b"100", b"", 4, start=start)
        assert searcher.child_pid is None


def test_a_child_that_ends_by_itself_is_told_with_its_exit_code() -> None:
    with (
        Searcher(stand_in("raise SystemExit(7)")) as searcher,
        pytest.raises(SearchFailed, match="exit code 7"),
    ):
        searcher.find(b"100", b"", 4)


def test_a_child_that_cannot_be_started_fails_the_search(tmp_path: Path) -> None:
    with Searcher([str(tmp_path / "no-such-program")]) as searcher:
        for _ in range(2):
            with pytest.raises(SearchFailed, match="did not start"):
                searcher.find(b"100", b"", 4)


def test_a_kernel_that_fails_ends_the_child_and_leaves_its_traceback(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with (
        Searcher(with_kernel("return 1 // 0")) as searcher,
        pytest.raises(SearchFailed, match="exit code 1"),
    ):
        searcher.find(b"100", b"", 4)
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_what_a_kernel_prints_does_not_reach_the_protocol(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Searcher(with_kernel("print('noise'); return 35293")) as searcher:
        assert searcher.find(b"100", b"", 4).proof == 35293
    assert "noise" in capfd.readouterr().err


def test_close_ends_the_child_within_a_second_and_for_good() -> None:
    searcher = Searcher()
    running = Running(searcher)
    pid = searcher.child_pid
    assert pid is not None
    began = time.monotonic()
    searcher.close()
    assert time.monotonic() - began < 1
    outcome = running.join()
    assert isinstance(outcome, SearchFailed)
    assert "closed" in str(outcome)
    assert searcher.child_pid is None
    if os.name != "nt":
        assert not is_running(pid)
    searcher.close()
    with pytest.raises(SearchFailed, match="closed"):
        searcher.find(b"100", b"", 1)


@posix
def test_close_forces_a_child_that_listens_to_nothing() -> None:
    answer = '{"type": "found", "id": 1, "proof": 0, "tries": 1, "elapsed": 0.1}'
    code = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"print({answer!r}, flush=True)\n"
        "time.sleep(60)\n"
    )
    searcher = Searcher(stand_in(code))
    assert searcher.find(b"100", b"", 0).proof == 0
    pid = searcher.child_pid
    assert pid is not None
    began = time.monotonic()
    searcher.close()
    took = time.monotonic() - began
    assert 0.4 < took < 1  # it did resist
    assert not is_running(pid)


PARENT = """
import os, signal, threading, time
from ledger.mining import Searcher

signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
searcher = Searcher()
def tell(progress):
    print(searcher.child_pid, flush=True)
def search():
    try:
        searcher.find(b"100", b"", 64, on_progress=tell)
    except Exception as error:
        print(repr(error), flush=True)
        os._exit(1)
threading.Thread(target=search, daemon=True).start()
while True:
    time.sleep(60)
"""


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process with an endless search, in a process group of its own.

    It prints the child's process id with every progress report.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        yield process
        process.kill()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@posix
def test_a_parent_killed_in_the_middle_of_a_search_takes_its_child_with_it(
    parent: subprocess.Popen[str],
) -> None:
    child = int(next_line(parent))
    assert is_running(child)
    parent.kill()
    assert parent.wait(1) == -signal.SIGKILL
    assert comes_true(lambda: not is_running(child), 1)


@posix
def test_an_interrupt_from_the_terminal_does_not_end_the_search(
    parent: subprocess.Popen[str],
) -> None:
    child = int(next_line(parent))
    assert os.getpgid(child) == parent.pid
    os.killpg(parent.pid, signal.SIGINT)
    lines = [next_line(parent) for _ in range(3)]
    assert "interrupted" in lines  # the signal went round
    lines.remove("interrupted")
    assert set(lines) == {str(child)}  # and the same child still reports
    assert is_running(child)
