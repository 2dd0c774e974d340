"""Do pages cost more on a longer chain? `python3 dev.py bench pages`

Two nodes as processes, one with a short chain and one with a long one; the same pages are fetched
from both in turn, and the medians compared. The ratio is what counts: the machine is shared.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from bench import chains

PROJECT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results"
_FEATURES = {"avx2": "AVX2", "avx512f": "AVX-512", "sha_ni": "SHA"}


def pages(blocks: int) -> dict[str, str]:
    """The pages that are measured, on a chain of so many blocks."""
    middle = blocks // 2
    return {
        "dashboard": "/",
        "block": f"/block/{middle}",
        "deep list page": f"/blocks?below={middle}",
        "address with an entry in every second block": f"/address/{chains.HUB}",
        "search for the beginning of an address": "/search?q=use",
        "search for the beginning of a hash": "/search?q=abcd",
        "charts": "/charts",
        "forks": "/forks",
        "pool": "/pool",
    }


@contextmanager
def node(
    folder: Path,
    blocks: int,
    transactions: int,
    prepare: Callable[[Path], None] = lambda folder: None,
) -> Iterator[str]:
    """A node that serves such a chain, once its data folder is prepared; its URL."""
    environment = {**os.environ, "CHAINSITE_DATA": str(folder)}
    file = folder / "chain.json"
    folder.mkdir()
    chains.write(file, blocks, transactions)
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "importchain", str(file)], cwd=PROJECT, env=environment, check=True)
    file.unlink()
    prepare(folder)
    process = subprocess.Popen(
        [*manage, "runnode", "--port", "0"],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        yield next(line for line in lines if "address" in line).split()[1].rstrip("/")
    finally:
        process.terminate()
        process.wait(10)


def measure(
    short: str,
    long: str,
    counts: tuple[int, int],
    rounds: int,
    pages: Callable[[int], dict[str, str]] = pages,
    get: Callable[..., requests.Response] = requests.get,
) -> list[dict[str, Any]]:
    rows = []
    for name in pages(counts[0]):
        times: tuple[list[float], list[float]] = ([], [])
        for round_ in range(rounds + 2):
            for taken, url, count in zip(times, (short, long), counts, strict=True):
                begun = time.perf_counter()
                answer = get(url + pages(count)[name], timeout=60)
                elapsed = time.perf_counter() - begun
                answer.raise_for_status()
                if round_ >= 2:  # the first two warm the caches
                    taken.append(elapsed)
        medians = [statistics.median(taken) for taken in times]
        rows.append(
            {
                "page": name,
                "short_ms": round(medians[0] * 1000, 1),
                "long_ms": round(medians[1] * 1000, 1),
                "ratio": round(medians[1] / medians[0], 2),
            }
        )
    return rows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=int, default=1_000, help="blocks of the short chain")
    parser.add_argument("--long", type=int, default=100_000, help="blocks of the long chain")
    parser.add_argument("--transactions", type=int, default=6, help="to a block")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args(arguments)
    counts = (options.short, options.long)
    with (
        tempfile.TemporaryDirectory() as folder,
        node(Path(folder) / "short", options.short, options.transactions) as short,
        node(Path(folder) / "long", options.long, options.transactions) as long,
    ):
        rows = measure(short, long, counts, options.rounds)
    result = {
        "blocks": counts,
        "transactions_a_block": options.transactions,
        "rounds": options.rounds,
        "machine": machine(),
        "pages": rows,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "pages.json").write_text(json.dumps(result, indent=1) + "\n")
    show(rows, counts, str(result["machine"]))
    return 0


def machine() -> str:
    """What it runs on, as far as figures depend on it."""
    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        told = ""
    model = re.search(r"model name\s*: (.+)", told)
    words = [model[1] if model else platform.machine(), f"{os.cpu_count()} cores"]
    words += [name for flag, name in _FEATURES.items() if re.search(rf"\b{flag}\b", told)]
    return ", ".join([*words, f"Python {platform.python_version()}"])


def show(rows: list[dict[str, Any]], counts: tuple[int, int], machine: str) -> None:
    width = max(len(row["page"]) for row in rows)
    print(f"{'':{width}}  {counts[0]:>9,}  {counts[1]:>9,}  ratio   ({machine})")
    for row in rows:
        times = f"{row['short_ms']:>6} ms  {row['long_ms']:>6} ms"
        print(f"{row['page']:{width}}  {times}  {row['ratio']}")


if __name__ == "__main__":
    sys.exit(main())
