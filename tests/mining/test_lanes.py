"""The fast kernel: how it is judged before it is used, and where it leaves the work to hashlib."""

from __future__ import annotations

import hashlib
import sys

import pytest

from ledger.mining import kernel, lanes

machine_code = pytest.importorskip(
    "ledger.mining.machine_code", reason="the fast kernel needs llvmlite (requirements/fast.in)"
)


def test_it_is_used_when_it_agrees_with_hashlib() -> None:
    search = lanes.load()
    assert isinstance(search, lanes.LaneKernel)
    assert search(b"100", b"", 5, 0, 10**7) == kernel.search(b"100", b"", 5, 0, 10**7)


def test_without_llvmlite_there_is_none_and_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "llvmlite", None)
    monkeypatch.delitem(sys.modules, "ledger.mining.machine_code")
    monkeypatch.delattr("ledger.mining.machine_code")
    assert lanes.load() is None
    assert caplog.text == ""


def test_machine_code_that_misses_a_proof_is_not_used(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # A start that is one lane late: every proof found holds, and the first of some groups is lost.
    compile_scan = machine_code.compile_scan

    def late() -> tuple[object, object]:
        scan, alive = compile_scan()
        return (lambda *args: scan(*args[:6], args[6] + 1, *args[7:])), alive

    monkeypatch.setattr(machine_code, "compile_scan", late)
    assert lanes.load() is None
    assert "disagrees with hashlib" in caplog.text


@pytest.mark.parametrize("answer", [0, 5_000, machine_code.NONE])
def test_machine_code_that_answers_nonsense_is_not_used(
    monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    monkeypatch.setattr(machine_code, "compile_scan", lambda: ((lambda *_: answer), None))
    assert lanes.load() is None


def test_machine_code_that_cannot_be_made_is_done_without(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("no such processor")

    monkeypatch.setattr(machine_code, "compile_scan", fail)
    assert lanes.load() is None
    assert "no such processor" in caplog.text


def test_a_difficulty_beyond_the_first_word_is_decided_by_the_whole_hash() -> None:
    search, eight = lanes.LaneKernel(), 4_843_932_896
    digest = hashlib.sha256(b"100%d" % eight).hexdigest()
    assert digest.startswith("00000000")
    assert digest[8] != "0"
    assert search(b"100", b"", 8, eight - 20_000, eight + 20_000) == eight
    assert search(b"100", b"", 9, eight - 20_000, eight + 20_000) is None


@pytest.mark.parametrize("features", [{"avx512f": True}, {"avx2": True}, {}])
def test_the_lanes_fit_the_registers(features: dict[str, bool]) -> None:
    assert machine_code.lanes({"avx512f": False, **features}) == (
        16 if "avx512f" in features else 8 if "avx2" in features else 4
    )
