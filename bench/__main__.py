"""Measure this node against the article's: `python3 dev.py bench [FIGURE …]`.

Without a name, all figures of the table. The two take turns; medians are of at least five rounds,
and what counts is the ratio, since the machine is shared. Results go to `bench/results/`.
`bench pages` and `bench admin` compare pages of a short and a long chain, `bench topology` one
process and several.
"""

from __future__ import annotations

import argparse
import cProfile
import dataclasses
import json
import pstats
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import admin, pages, topology
from bench.figures import FIGURES, Result, Setting
from bench.nodes import Chains

COMPARISONS = {"pages": pages.main, "admin": admin.main, "topology": topology.main}


def run(names: Sequence[str], setting: Setting, results: Path) -> list[Result]:
    """Measure these figures, showing each as it comes; each is written as soon as it is there."""
    told = []
    for name in names:
        begun = time.perf_counter()
        result = FIGURES[name](setting)
        told.append(result)
        print(_row(result), flush=True)
        record = {
            **dataclasses.asdict(result),
            "machine": pages.machine(),
            "took_s": round(time.perf_counter() - begun, 1),
        }
        results.mkdir(exist_ok=True)
        (results / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    return told


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.4g}"


def _row(result: Result) -> str:
    met = {True: "met", False: "NOT MET", None: ""}[result.meets]
    cells = [_number(result.ours), _number(result.baseline), _number(result.ratio)]
    return f"{result.figure:82.82} {result.unit:>10} " + " ".join(
        [*(f"{cell:>11}" for cell in cells), f"{result.target:>18}", met]
    )


def _head() -> str:
    names = " ".join(f"{name:>11}" for name in ("ours", "baseline", "ratio"))
    return f"{'':82} {'':>10} {names} {'target':>18}   ({pages.machine()})"


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] in COMPARISONS:
        return COMPARISONS[given[0]](given[1:])
    parser = argparse.ArgumentParser(prog="dev.py bench", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help=", ".join(FIGURES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=100_000, help="of the long chain")
    parser.add_argument("--transactions", type=int, default=6, help="to a block")
    parser.add_argument("--short", action="store_true", help="tiny: does it work?")
    parser.add_argument("--profile", action="store_true", help="where this process spent its time")
    parser.add_argument("--results", type=Path, default=pages.RESULTS, help="folder for the JSON")
    parser.add_argument("--keep", type=Path, help="folder of the chains made, to use them again")
    options = parser.parse_args(given)
    names = [name for name in options.figures if name != "all"] or list(FIGURES)
    if unknown := set(names) - set(FIGURES):
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        setting = Setting(
            chains=Chains(folder, options.transactions),
            rounds=1 if options.short else options.rounds,
            blocks=30 if options.short else options.blocks,
            is_short=options.short,
        )
        print(_head(), flush=True)
        _measure(names, setting, options)
    return 0


def _measure(names: Sequence[str], setting: Setting, options: Any) -> None:
    if not options.profile:
        run(names, setting, options.results)
        return
    profile = cProfile.Profile()
    profile.runcall(run, names, setting, options.results)
    pstats.Stats(profile).sort_stats("cumulative").print_stats(40)


if __name__ == "__main__":
    sys.exit(main())
