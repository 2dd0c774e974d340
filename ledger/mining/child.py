"""The child process: one search at a time, cancellable, away from the node's own interpreter.

`python -m ledger.mining.child` speaks over standard input and output, one JSON object a line in
ASCII. `id` is an integer that the parent chooses, a new one for each search; `tries` counts the
integers tried since the start of that search, `elapsed` is its age in seconds of the monotonic
clock.

What it is told:

    {"type": "search", "id": 1, "prefix": "313030", "suffix": "", "difficulty": 4, "start": 0}
        Look for the smallest proof from `start` on; with a `stop`, below it. `prefix` and `suffix`
        are bytes in hex. A search still running is cancelled by it.
    {"type": "cancel", "id": 1}
        Stop that search; an id that is not being searched is passed over.
    {"type": "quit"}
        End at once. The end of standard input means the same: the parent is gone, however it
        ended, and nobody waits for the answer.

What it says:

    {"type": "progress", "id": 1, "tries": 700000, "elapsed": 0.25}      four times a second
    {"type": "found", "id": 1, "proof": 35293, "tries": 35294, "elapsed": 0.012}
    {"type": "cancelled", "id": 1, "tries": 900000, "elapsed": 0.31}
    {"type": "exhausted", "id": 1, "tries": 25000, "elapsed": 0.01}      no proof below `stop`

Each search ends with exactly one of the last three. There is no message for an error: what it
cannot understand or do, it reports on standard error and ends with a non-zero exit code.

It begins with the kernel that is always there, on one core. Once that has searched for half a
second, a quicker one is prepared beside it and takes over, in the middle of a search if need be:
the one of `ledger.mining.lanes` where llvmlite is installed, and as many cores as `--cores N` says
(0: all this process may use). `--worker` is what a crew runs on each core, and never changes.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from ledger.mining import kernel
from ledger.mining.kernel import Kernel

KERNEL: Kernel = kernel.search

REPORT_EVERY = 0.25
"""Seconds between two progress messages."""

CHUNK_SECONDS = 0.025
"""How long one call of the kernel should take: a cancel waits for its end."""

WORTHWHILE = 0.5
"""Seconds of a core that pay for a quicker kernel: about what it costs to make one."""

FIRST_CHUNK = 1000
"""Tries in the first call of the kernel, and in the smallest: about a third of a millisecond."""


@dataclass(frozen=True, slots=True)
class Order:
    """One search to run: the fields of the `search` message, bytes decoded."""

    id: int
    prefix: bytes
    suffix: bytes
    difficulty: int
    start: int
    stop: int | None


def next_chunk(chunk: int, seconds: float) -> int:
    """Return how many tries to make next, when `chunk` tries took `seconds`.

    Shrinks at once, since a chunk too long makes a cancel late, and at most doubles, since one
    quick chunk may be luck.
    """
    if seconds * 2 <= CHUNK_SECONDS:
        return chunk * 2
    return max(FIRST_CHUNK, int(chunk * CHUNK_SECONDS / seconds))


class Child:
    """Runs the orders that a reader thread takes from `commands`, and answers on `answers`."""

    def __init__(
        self,
        commands: BinaryIO,
        answers: BinaryIO,
        search: Kernel,
        quicker: Callable[[], Kernel | None] = lambda: None,
    ) -> None:
        self._commands = commands
        self._answers = answers
        self._search = search  # exchanged at any time: all kernels find the same
        self._quicker = quicker
        self._has_asked = False  # for that
        self._orders: queue.SimpleQueue[Order] = queue.SimpleQueue()
        # The id of the search the parent waits for. Written by the reader, read by the search
        # between chunks.
        self._wanted: int | None = None

    def run(self) -> NoReturn:
        """Take and run orders until the process ends."""
        threading.Thread(target=self._read, name="commands", daemon=True).start()
        try:
            while True:
                self._run(self._orders.get())
        except BrokenPipeError:
            os._exit(0)  # nobody listens any more
        except BaseException:
            traceback.print_exc()
            # Not sys.exit: the interpreter's shutdown would wrestle with the reader for stdin.
            os._exit(1)

    def _run(self, order: Order) -> None:
        """Search in chunks until found or no longer wanted."""
        began = before = time.monotonic()
        report_at = began + REPORT_EVERY
        proof, chunk = order.start, FIRST_CHUNK
        ended = "cancelled"
        while self._wanted == order.id:
            if order.stop is not None:
                chunk = min(chunk, order.stop - proof)
                if chunk <= 0:
                    ended = "exhausted"
                    break
            found = self._search(order.prefix, order.suffix, order.difficulty, proof, proof + chunk)
            now = time.monotonic()
            if found is not None:
                self._quicken_when_worthwhile()
                tries = found - order.start + 1
                self._say("found", order.id, tries, now - began, proof=found)
                return
            proof += chunk
            self._quicken_when_worthwhile()
            chunk, before = next_chunk(chunk, now - before), now
            if now >= report_at:
                self._say("progress", order.id, proof - order.start, now - began)
                # From now, not from the time missed: after a pause there is no volley.
                report_at = max(report_at + REPORT_EVERY, now)
        self._say(ended, order.id, proof - order.start, time.monotonic() - began)

    def _quicken_when_worthwhile(self) -> None:
        """Have a quicker kernel made, once, when this thread has searched for long enough."""
        # Of the processor, not of the clock: on a busy machine a short search takes long.
        if not self._has_asked and time.thread_time() >= WORTHWHILE:
            self._has_asked = True
            threading.Thread(target=self._quicken, name="quicken", daemon=True).start()

    def _quicken(self) -> None:
        try:
            self._search = self._quicker() or self._search
        except BaseException:
            traceback.print_exc()
            os._exit(1)

    def _say(self, kind: str, order_id: int, tries: int, elapsed: float, **more: int) -> None:
        message = {"type": kind, "id": order_id, "tries": tries, "elapsed": elapsed, **more}
        self._answers.write(json.dumps(message).encode("ascii") + b"\n")
        self._answers.flush()

    def _read(self) -> NoReturn:
        """Take commands for as long as there is a parent; then end the process, searching or not.

        Ending the process from here is what makes it immediate: the main thread may be deep in
        a chunk.
        """
        try:
            for line in self._commands:
                if not self._take(line):
                    break
        except BaseException:
            traceback.print_exc()
            os._exit(2)
        os._exit(0)

    def _take(self, line: bytes) -> bool:
        """Act on one line; return False when it says to quit.

        Raises ValueError, KeyError or TypeError when the line is not a command.
        """
        message = json.loads(line)
        kind = message["type"]
        if kind == "search":
            order = Order(
                id=int(message["id"]),
                prefix=bytes.fromhex(message["prefix"]),
                suffix=bytes.fromhex(message["suffix"]),
                difficulty=int(message["difficulty"]),
                start=int(message["start"]),
                stop=message.get("stop"),
            )
            self._wanted = order.id
            self._orders.put(order)
        elif kind == "cancel":
            if self._wanted == message["id"]:
                self._wanted = None
        elif kind != "quit":
            raise ValueError(f"unknown command: {kind!r}")
        return bool(kind != "quit")


def all_cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quicker(cores: int) -> Kernel | None:
    """The quickest kernel there is for so many cores; None where that is the plain one."""
    # Not at the top: most children have found their proofs before they need any of this.
    import logging

    from ledger.mining import lanes
    from ledger.mining.crew import Crew, Worker

    logging.basicConfig()
    fast = lanes.load()
    if cores == 1:
        return fast
    if fast is not None:  # its machine code runs beside other threads
        return Crew([fast] * cores)
    return Crew([Worker() for _ in range(cores)])


def main() -> NoReturn:
    """Run as the child of the process at the other end of standard input and output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--worker", action="store_true")
    options = parser.parse_args()
    # Ctrl-C in a terminal reaches the whole process group; what it means, the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = sys.stdout.buffer
    # A stray print, ours or a library's, must not look like an answer.
    sys.stdout = sys.stderr
    if options.worker:
        Child(sys.stdin.buffer, answers, KERNEL).run()
    if hasattr(os, "nice"):
        os.nice(10)
    Child(sys.stdin.buffer, answers, KERNEL, lambda: quicker(options.cores or all_cores())).run()


if __name__ == "__main__":
    main()
