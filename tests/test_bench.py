"""The bench works: figures are measured, at sizes at which their numbers mean nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import family
from bench.figures import FIGURES
from bench.sockets import Piece


@pytest.mark.long
def test_a_figure_is_measured_against_the_baseline_shown_and_written_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["tries", "mine"]
    options = ["--short", "--results", str(tmp_path)]
    assert bench.main([*names, *options]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == 1 + len(names)
    for name in names:
        told = json.loads((tmp_path / f"{name}.json").read_text())
        assert told["ours"] > 0
        assert told["baseline"] > 0
        assert told["machine"]
        assert any(told["figure"] in line and told["target"] in line for line in shown)


def test_a_figure_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["speed"])
    assert "no such figure: speed" in capsys.readouterr().err


def test_every_figure_says_what_it_is() -> None:
    assert all(measure.__doc__ for measure in FIGURES.values())


def test_what_a_process_uses_is_its_childrens_too() -> None:
    before = family.megabytes([os.getpid()])
    code = "held = bytearray(64 * 2**20); print(); input()"
    child = subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1)
    assert child.stdin
    assert child.stdout
    child.stdout.readline()
    assert family.megabytes([os.getpid()]) >= before + 60
    assert family.processor_seconds([os.getpid()]) > 0
    child.communicate(b"\n")


@pytest.mark.slow
def test_one_process_and_several_are_measured(tmp_path: Path) -> None:
    if not all(map(shutil.which, ("wrk", "redis-server"))):
        pytest.skip("wrk or Redis is not installed")
    assert bench.main(["topology", "--short", "--results", str(tmp_path)]) == 0
    one, several = json.loads((tmp_path / "topology.json").read_text())["medians"].values()
    assert one.keys() == several.keys()
    assert one["POST, 8 connections, a second"] > 0


def _frame(text: str) -> bytes:
    payload = text.encode()
    return bytes((0x81, len(payload))) + payload


def test_the_crowd_sees_gaps_and_waits_for_the_end_of_a_frame() -> None:
    at = '"at":"2026-01-01T00:00:00+00:00"'
    sent = b"".join(
        _frame(f'{{"kind":"transaction","seq":{seq},{at},"data":{{}}}}') for seq in (4, 5, 7)
    )
    piece = Piece.of(bytes((0x89, 2)) + b"hi" + sent + sent[:9])

    assert (piece.first, piece.last, piece.seq, piece.gaps) == (4, 7, 7, 1)
    assert len(piece.written) == 3
    assert piece.pings == (b"hi",)
    assert piece.rest == sent[:9]
    assert Piece.of(piece.rest).seq == -1
