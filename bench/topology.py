"""What several processes hold, and what one does: `python3 dev.py bench topology`

One process on SQLite, and the topology of `deploy/`: four web processes, a worker and one that
stands by, PostgreSQL, Redis and nginx. They take turns, and neither runs beside the other. Shown
are medians of the rounds. The client shares the machine with both, so how much of a core a request
took says more than how many there were.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from bench import chains, family, load, sockets
from bench.nodes import manage, ours
from bench.pages import RESULTS, machine
from deploy.local import Part, Topology

_NO_LIMITS = {
    "POOL_TRANSACTIONS": 10**7,
    "POOL_BYTES": 10**10,
    "CONNECTIONS": 4000,
    **dict.fromkeys(("READ_RATE", "WRITE_RATE", "WORK_RATE"), 0),
}
_TRANSACTIONS = 6  # to a block


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two, running. `lose` kills who mines, and says after how many seconds somebody
    does again."""

    url: str
    pids: Callable[[], Sequence[int]]
    lose: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of each is measured; `seconds` of each load."""

    blocks: int
    seconds: int
    streams: tuple[tuple[int, int], ...]
    """WebSockets, and transactions a second."""


@contextmanager
def one_process(file: Path) -> Iterator[Side]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        manage(data, "importchain", str(file))
        with ours(data, **_NO_LIMITS) as own:

            def lose() -> float:
                os.kill(own.pid, signal.SIGKILL)
                begun = time.perf_counter()
                with ours(data, **_NO_LIMITS) as again:
                    requests.head(f"{again.url}/chain", timeout=60).raise_for_status()
                    return time.perf_counter() - begun

            yield Side(own.url, lambda: [own.pid], lose)


@contextmanager
def several_processes(file: Path) -> Iterator[Side]:
    folder = Path(tempfile.mkdtemp(prefix="cs-"))
    environment = {f"CHAINSITE_{name}": str(value) for name, value in _NO_LIMITS.items()}
    environment |= {"CHAINSITE_NETWORKING": "manual"}
    topology = Topology(folder, webs=4, workers=2, environment=environment)

    def lose() -> float:
        killed = _holder(topology)
        killed.kill()
        begun = time.perf_counter()
        while _holder(topology) in (None, killed):
            time.sleep(0.02)
        return time.perf_counter() - begun

    def pids() -> list[int]:
        return [part.process.pid for part in topology.parts.values() if part.process]

    try:
        topology.start()
        topology.manage("importchain", str(file))
        yield Side(topology.url, pids, lose)
    finally:
        topology.close()
        shutil.rmtree(folder, ignore_errors=True)


def _holder(topology: Topology) -> Part | None:
    """The worker that has the duties."""
    for part in topology.parts.values():
        if part.name.startswith("worker") and part.runs:
            told = requests.get(f"{part.url}/readyz", timeout=10).json()["checks"]["worker"]
            if told["reason"] == "this one":
                return part
    return None


def measure(side: Side, size: Size) -> dict[str, float]:
    """One round: what it holds, by what the table calls it."""
    told = {"memory, MB": family.megabytes(side.pids())}
    for path, name in (
        ("/blocks", "a page of blocks"),
        ("/chain", f"/chain, {size.blocks} blocks"),
    ):
        load.gets(side.url + path, 8, 1)  # every process has read its templates
        run = load.gets(side.url + path, 8, size.seconds)
        assert run["failed"] == 0, run
        told |= {f"{name}, a second": run["rate"], f"{name}, p99 ms": run["p99"]}
    for count, rate in size.streams:
        told |= _stream(side, count, rate, size.seconds)
    for connections in (8, 32):
        begun = family.processor_seconds(side.pids())
        run = load.posts(side.url, connections, size.seconds)
        assert run["failed"] == 0, run
        used = family.processor_seconds(side.pids()) - begun
        name = f"POST, {connections} connections"
        told |= {f"{name}, a second": run["rate"], f"{name}, p99 ms": run["p99"]}
        told[f"{name}, ms of a core each"] = 1000 * used / (run["rate"] * size.seconds)
    told["duties taken over, or started again, s"] = side.lose()
    return told


def _stream(side: Side, count: int, rate: int, seconds: int) -> dict[str, float]:
    crowd = sockets.begin(side.url, count, rate * seconds, 4 * seconds + 10)
    name = f"{count} WebSockets, {rate} transactions a second"
    megabytes = family.megabytes(side.pids())
    begun, busy = time.perf_counter(), family.processor_seconds(side.pids())
    load.posts_evenly(side.url, rate, seconds, connections=32)
    heard = sockets.told(crowd)
    cores = (family.processor_seconds(side.pids()) - busy) / (time.perf_counter() - begun)
    assert heard["gaps"] == 0, heard
    missing = max(0, count * rate * seconds - heard["received"])
    return {
        f"{name}, p99 ms": heard["p99"],
        f"{name}, not told in time": missing,
        f"{name}, cores": cores,
        f"{name}, MB": megabytes,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dev.py bench topology", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="tiny: does it work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the JSON")
    options = parser.parse_args(arguments)
    size = Size(20, 1, ((8, 5),)) if options.short else Size(100, 5, ((500, 50), (1000, 100)))
    sides = {"one process": one_process, "several": several_processes}
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chain.json"
        chains.write(file, size.blocks, _TRANSACTIONS)
        for _ in range(1 if options.short else options.rounds):
            for name, begin in sides.items():
                with begin(file) as side:
                    rounds[name].append(measure(side, size))
    result = {"machine": machine(), "medians": _medians(rounds), "rounds": rounds}
    options.results.mkdir(exist_ok=True)
    (options.results / "topology.json").write_text(json.dumps(result, indent=1) + "\n")
    _show(result["medians"])
    return 0


def _medians(rounds: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    return {
        side: {name: statistics.median(one[name] for one in told) for name in told[0]}
        for side, told in rounds.items()
    }


def _show(medians: dict[str, dict[str, float]]) -> None:
    print(f"{'':62} {'one process':>12} {'several':>12}   ({machine()})")
    for name, value in medians["one process"].items():
        print(f"{name:62} {value:>12,.4g} {medians['several'][name]:>12,.4g}")


if __name__ == "__main__":
    sys.exit(main())
