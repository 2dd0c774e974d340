"""The bench works: figures are measured, at sizes at which their numbers mean nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench.figures import FIGURES


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
