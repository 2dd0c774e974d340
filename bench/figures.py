"""The figures of the table: each measures ours and the baseline in turn, and says what it aims at.

A figure is a function of a `Setting`; its docstring is its name in the table.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests

from bench import load, pages, sockets
from bench.baseline_node import Blockchain
from bench.nodes import PROJECT, Chains, Running, baseline, elsewhere, manage, ours
from ledger.mining import kernel, lanes


@dataclass(frozen=True, slots=True)
class Setting:
    """How large and how often: `short` is for seeing that it works, its numbers mean nothing."""

    chains: Chains
    rounds: int
    blocks: int
    is_short: bool

    def scaled(self, full: int, short: int) -> int:
        return short if self.is_short else full


@dataclass(frozen=True, slots=True)
class Result:
    """`ours` and `baseline` are medians of the rounds. `ratio` is the median of the rounds' ratios,
    turned so that `target` is what it should be at least or at most."""

    figure: str
    unit: str
    ours: float | None
    baseline: float | None
    ratio: float | None
    target: str
    meets: bool | None
    rounds: int
    more: dict[str, Any] = field(default_factory=dict)


def _paired(
    figure: str,
    unit: str,
    rounds: int,
    one: Callable[[], float],
    other: Callable[[], float],
    target: float,
    *,
    at_least: bool,
    **more: Any,
) -> Result:
    """Measure in turn; the ratio is ours by theirs."""
    pairs = []
    for round_ in range(rounds):
        # Who goes first changes, so that neither always finds the machine warmed by the other.
        if round_ % 2:
            theirs = other()
            pairs.append((one(), theirs))
        else:
            mine = one()
            pairs.append((mine, other()))
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    return Result(
        figure=figure,
        unit=unit,
        ours=round(statistics.median(mine for mine, _ in pairs), 4),
        baseline=round(statistics.median(theirs for _, theirs in pairs), 4),
        ratio=round(ratio, 4),
        target=f"{'≥' if at_least else '≤'} {target:g} x",
        meets=ratio >= target if at_least else ratio <= target,
        rounds=rounds,
        more=more,
    )


def _one_sided(figure: str, unit: str, value: float, target: str, meets: bool, more: Any) -> Result:
    return Result(figure, unit, value, None, None, target, meets, 1, more)


def _fetch(running: Running, path: str, **headers: str) -> tuple[float, int, bytes]:
    """Get a page and throw it away: seconds, bytes of the body and around, the head."""
    place = urlsplit(running.url)
    lines = [f"GET {path} HTTP/1.1", f"Host: {place.netloc}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    buffer = bytearray(1024 * 1024)
    size, head = 0, b""
    begun = time.perf_counter()
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        while count := connection.recv_into(buffer):
            size += count
            if len(head) < 4096:
                head += buffer[:count]
    return time.perf_counter() - begun, size, head.partition(b"\r\n\r\n")[0]


def _get(url: str) -> float:
    begun = time.perf_counter()
    requests.get(url, timeout=900).raise_for_status()
    return time.perf_counter() - begun


# --- the search -----------------------------------------------------------------------------


def _tries(search: kernel.Kernel, count: int) -> float:
    begun = time.process_time()  # of this core alone: the machine is shared
    assert search(b"35293", b"", 64, 0, count) is None
    return count / (time.process_time() - begun)


def _article_tries(count: int) -> float:
    """The article's loop, stopped after so many: `while self.valid_proof(…) is False`."""
    chain, proof, found = Blockchain(), 0, 0
    begun = time.process_time()
    while proof < count:
        while chain.valid_proof(35293, proof) is False and proof < count:
            proof += 1
        found, proof = found + 1, proof + 1
    return count / (time.process_time() - begun)


def tries(setting: Setting) -> Result:
    """tries a second on one core, default install"""
    count = setting.scaled(200_000, 5_000)
    return _paired(
        tries.__doc__ or "",
        "tries/s",
        max(setting.rounds, setting.scaled(15, 1)),
        lambda: _tries(kernel.search, count),
        lambda: _article_tries(count),
        2.5,
        at_least=True,
    )


def fast(setting: Setting) -> Result:
    """tries a second on one core, with the fast extra"""
    search = lanes.load()
    assert search is not None, "llvmlite is not installed: python3 dev.py bench installs it"
    count = setting.scaled(100_000, 5_000)
    return _paired(
        fast.__doc__ or "",
        "tries/s",
        max(setting.rounds, setting.scaled(15, 1)),
        lambda: _tries(search, 30 * count),
        lambda: _article_tries(count),
        18,
        at_least=True,
    )


def mine(setting: Setting) -> Result:
    """GET /mine, difficulty 4, end to end"""
    with ours(setting.chains.empty("mine")) as own, baseline() as other:
        # The proofs are the same: both begin at 100.
        return _paired(
            mine.__doc__ or "",
            "s",
            setting.scaled(40, 2),
            lambda: _get(f"{own.url}/mine"),
            lambda: _get(f"{other.url}/mine"),
            1,
            at_least=False,
        )


# --- the chain ------------------------------------------------------------------------------


def chain(setting: Setting) -> Result:
    """GET /chain"""
    file, data = setting.chains.file(setting.blocks), setting.chains.data(setting.blocks)
    with ours(data) as own, baseline(file) as other:
        own.forget_peak()
        result = _paired(
            f"{chain.__doc__}, {setting.blocks:,} blocks",
            "s",
            setting.rounds,
            lambda: _fetch(own, "/chain")[0],
            lambda: _fetch(other, "/chain")[0],
            1 / 8,
            at_least=False,
        )
        size = _fetch(own, "/chain")[1]
        result.more.update(
            megabytes=own.megabytes(),
            baseline_megabytes=other.megabytes(),
            body_megabytes=round(size / 1e6, 1),
        )
    return result


def unchanged(setting: Setting) -> Result:
    """GET /chain with the tip's ETag, against the baseline's /chain of one block"""
    with ours(setting.chains.data(setting.blocks)) as own, baseline() as other:
        head = requests.head(f"{own.url}/chain", timeout=60)
        tag = head.headers["ETag"]
        assert b" 304 " in _fetch(own, "/chain", If_None_Match=tag)[2][:16]
        return _paired(
            unchanged.__doc__ or "",
            "s",
            setting.scaled(200, 2),
            lambda: _fetch(own, "/chain", If_None_Match=tag)[0],
            lambda: _fetch(other, "/chain")[0],
            1,
            at_least=False,
        )


_VERIFY = """
import time, django
django.setup()
from ledger.node import lifecycle
begun = time.perf_counter()
report = lifecycle.{function}()
assert report.sound
print(report.blocks / (time.perf_counter() - begun))
"""


def verify(setting: Setting) -> Result:
    """verify stored blocks and every table, against the article's valid_chain"""
    return _verified(setting, verify.__doc__ or "", "verify")


def judge(setting: Setting) -> Result:
    """links, hashes and proofs of stored blocks alone, against the article's valid_chain"""
    return _verified(setting, judge.__doc__ or "", "verify_texts")


def _verified(setting: Setting, figure: str, function: str) -> Result:
    blocks = json.loads(setting.chains.file(setting.blocks).read_text())["chain"]
    data = setting.chains.data(setting.blocks)

    def mine() -> float:
        settings = {"DJANGO_SETTINGS_MODULE": "chainsite.settings", "CHAINSITE_DATA": str(data)}
        return float(_python(_VERIFY.format(function=function), settings))

    def theirs() -> float:
        begun = time.perf_counter()
        assert Blockchain().valid_chain(blocks)
        return len(blocks) / (time.perf_counter() - begun)

    name = f"{figure}, {setting.blocks:,}"
    return _paired(name, "blocks/s", setting.rounds, mine, theirs, 2, at_least=True)


def _python(code: str, environment: dict[str, str]) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


def adopt(setting: Setting) -> Result:
    """adopt a chain from an old peer, stored, indexed and durable"""
    memory: list[tuple[float, float]] = []
    with baseline(setting.chains.file(setting.blocks)) as peer:

        def resolve(running: Running) -> float:
            nodes = {"nodes": [peer.url]}
            answer = requests.post(f"{running.url}/nodes/register", json=nodes, timeout=60)
            answer.raise_for_status()
            taken, _, head = _fetch(running, "/nodes/resolve")
            assert b" 200 " in head[:16]
            return taken

        def mine() -> float:
            data = setting.chains.empty("adopt")
            with ours(data, PEER_DEADLINE=600) as own:
                own.forget_peak()
                before = own.megabytes("VmRSS")
                taken = resolve(own)
                memory.append((before, own.megabytes()))
            assert f"sound: {setting.blocks} blocks" in manage(data, "verifychain")
            return taken

        def theirs() -> float:
            with baseline() as other:
                return resolve(other)

        name = f"{adopt.__doc__}, {setting.blocks:,} blocks"
        rounds = min(setting.rounds, 5)
        result = _paired(name, "s", rounds, mine, theirs, 2, at_least=False)
    result.more.update(megabytes_before_and_at_most=memory)
    return result


# --- transactions ---------------------------------------------------------------------------


def post(setting: Setting) -> Result:
    """POST /transactions/new, 8 connections, durable"""
    return _posts(setting, post.__doc__ or "", ours, 1)


def post_elsewhere(setting: Setting) -> Result:
    """POST /transactions/new, 8 connections, durable, on uvicorn"""
    serve = partial(elsewhere, "uvicorn")
    return _posts(setting, post_elsewhere.__doc__ or "", serve, 2)


def post_granian(setting: Setting) -> Result:
    """POST /transactions/new, 8 connections, durable, on granian"""
    serve = partial(elsewhere, "granian")
    return _posts(setting, post_granian.__doc__ or "", serve, 2)


def _posts(
    setting: Setting,
    figure: str,
    serve: Callable[..., AbstractContextManager[Running]],
    target: float,
) -> Result:
    seconds = setting.scaled(5, 1)
    told: dict[str, list[dict[str, Any]]] = {"ours": [], "baseline": []}

    def rate(whose: str, running: Running) -> float:
        run = load.posts(running.url, 8, seconds)
        assert run["failed"] == 0, run
        told[whose].append(run)
        return float(run["rate"])

    data = setting.chains.empty("post")
    with serve(data, POOL_TRANSACTIONS=10**7, POOL_BYTES=10**10) as own, baseline() as other:
        result = _paired(
            figure,
            "requests/s",
            setting.rounds,
            lambda: rate("ours", own),
            lambda: rate("baseline", other),
            target,
            at_least=True,
        )
    slowest = {whose: statistics.median(run["p99"] for run in runs) for whose, runs in told.items()}
    result.more.update(p99_ms=slowest, runs=told)
    p99 = f"p99 {slowest['ours']:.0f} ms, theirs {slowest['baseline']:.0f}"
    return replace(result, figure=f"{figure}: {p99}")


# --- WebSockets -----------------------------------------------------------------------------


def block(setting: Setting) -> Result:
    """1,000 WebSockets hear of a block: the slowest 1 %"""
    count = setting.scaled(1000, 5)
    with ours(setting.chains.empty("block"), CONNECTIONS=count + 50) as own:
        runs = []
        for _ in range(setting.rounds):
            crowd = sockets.begin(own.url, count, 1, 30)
            _get(f"{own.url}/mine")
            runs.append(sockets.told(crowd))
            assert runs[-1]["gaps"] == runs[-1]["lost"] == 0, runs[-1]
    slowest = statistics.median(run["p99"] for run in runs)
    name = f"{count:,} WebSockets hear of a block: the slowest 1 %"
    return _one_sided(name, "ms", slowest, "≤ 150 ms", slowest <= 150, {"runs": runs})


def stream(setting: Setting) -> Result:
    """1,000 WebSockets, 100 transactions a second: the slowest 1 %"""
    count, seconds = setting.scaled(1000, 5), setting.scaled(30, 1)
    with ours(setting.chains.empty("stream"), CONNECTIONS=count + 50) as own:
        crowd = sockets.begin(own.url, count, 100 * seconds, 3 * seconds + 5)
        begun = own.processor_seconds(), time.perf_counter()
        posted = load.posts_evenly(own.url, 100, seconds)
        told = {**sockets.told(crowd), "posted": posted, "node_busy": own.busy_since(begun)}
    name = f"{count:,} WebSockets, 100 transactions a second: the slowest 1 %"
    complete = told["received"] >= count * 100 * seconds and told["gaps"] == told["lost"] == 0
    meets = complete and told["p99"] <= 150
    return _one_sided(name, "ms", told["p99"], "≤ 150 ms, no gap", meets, told)


def idle(setting: Setting) -> Result:
    """10,000 idle WebSockets: memory of the process"""
    count = setting.scaled(10_000, 20)
    with ours(setting.chains.empty("idle"), CONNECTIONS=count + 50) as own:
        before = own.megabytes("VmRSS")
        crowd = sockets.begin(own.url, count, 1, 60)
        after = own.megabytes("VmRSS")
        _get(f"{own.url}/mine")
        told = sockets.told(crowd)
    held = told["lost"] == told["gaps"] == 0 and told["received"] == count
    name = f"{count:,} idle WebSockets: memory of the process"
    more = {**told, "megabytes_without": before}
    return _one_sided(name, "MB", after, "held, ≤ 1000 MB", held and after <= 1000, more)


# --- a long chain ---------------------------------------------------------------------------


def million(setting: Setting) -> Result:
    """1,000,000 blocks of 2 transactions: pages, against their time at 1,000"""
    long, short = setting.scaled(1_000_000, 60), setting.scaled(1_000, 30)
    own = Chains(setting.chains.folder, 2)
    begun = time.perf_counter()
    own.file(long)
    made = time.perf_counter()
    data = own.data(long)
    imported = time.perf_counter()
    told = manage(data, "verifychain")
    verified = time.perf_counter()
    assert f"sound: {long} blocks" in told, told
    with ours(own.data(short)) as small, ours(data) as large:
        started = time.perf_counter()
        rows = pages.measure(small.url, large.url, (short, long), setting.scaled(15, 1))
        fetched, size, _ = _fetch(large, "/chain")
        megabytes = large.megabytes()
    worst = max(row["ratio"] for row in rows)
    more = {
        "made_s": round(made - begun, 1),
        "imported_s": round(imported - made, 1),
        "verified_s": round(verified - imported, 1),
        "started_s": round(started - verified, 1),
        "chain_s": round(fetched, 2),
        "chain_megabytes": round(size / 1e6, 1),
        "megabytes": megabytes,
        "pages": rows,
    }
    name = f"{long:,} blocks of 2 transactions: the slowest page, against its time at {short:,}"
    return Result(name, "x", worst, None, worst, "≤ 1.5 x", worst <= 1.5, 1, more)


FIGURES: dict[str, Callable[[Setting], Result]] = {
    "tries": tries,
    "fast": fast,
    "mine": mine,
    "chain": chain,
    "unchanged": unchanged,
    "verify": verify,
    "judge": judge,
    "adopt": adopt,
    "post": post,
    "post-elsewhere": post_elsewhere,
    "post-granian": post_granian,
    "block": block,
    "stream": stream,
    "idle": idle,
    "million": million,
}
