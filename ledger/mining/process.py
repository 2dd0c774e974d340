"""The child process as the parent sees it: a pipe to write orders to, and answers that arrive."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
"""The directory that holds the `ledger` package."""

LONGEST_ANSWER = 65536
"""Bytes in a line of the child; more without an end is not an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of the child; `ledger.mining.child` tells what they mean. `proof` only if found."""

    type: str
    id: int
    tries: int
    elapsed: float
    proof: int | None


@dataclass(frozen=True, slots=True)
class Ended:
    """The child is gone, for this reason, in words for a person; nothing follows."""

    reason: str


def parse_answer(line: bytes) -> Answer:
    """Return the answer in a line; raises ValueError when it is none."""
    try:
        message = json.loads(line)
        answer = Answer(
            type=message["type"],
            id=message["id"],
            tries=message["tries"],
            elapsed=message["elapsed"],
            proof=message.get("proof"),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("not an answer") from error
    if (
        answer.type not in {"progress", "found", "cancelled", "exhausted"}
        or type(answer.id) is not int
        or type(answer.tries) is not int
        or type(answer.elapsed) not in (int, float)
        or (type(answer.proof) is int) != (answer.type == "found")
    ):
        raise ValueError("not an answer")
    return answer


class SearchProcess:
    """One child process, from its start to its end; it is never restarted.

    A thread of its own reads what the child says and puts it into the inbox named last, so the
    pipe is drained whether anybody searches or not. Starting raises OSError.
    """

    def __init__(self, command: Sequence[str], inbox: queue.SimpleQueue[Any]) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # stderr is the node's own: what the child has to complain of belongs in its log.
            close_fds=True,
            # `-m` puts the working directory first on the path: with ours, the user's cannot
            # shadow a module. PYTHONPATH is for interpreters told not to do that.
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._inbox = inbox
        self._ended = False
        self._lock = threading.Lock()  # guards _inbox and _ended
        self._writing = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="mining-answers", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the child is there, as far as the system knows."""
        return not self._ended and self._process.poll() is None

    def serve(self, inbox: queue.SimpleQueue[Any]) -> bool:
        """Deliver to this inbox from now on; return False when the child has already ended."""
        with self._lock:
            if not self.is_running:
                return False
            self._inbox = inbox
            return True

    def search(
        self,
        search_id: int,
        prefix: bytes,
        suffix: bytes,
        difficulty: int,
        start: int,
        stop: int | None = None,
    ) -> None:
        """Have the child search from `start` to `stop`; its answers will carry this id."""
        self._send(
            type="search",
            id=search_id,
            prefix=prefix.hex(),
            suffix=suffix.hex(),
            difficulty=difficulty,
            start=start,
            stop=stop,
        )

    def cancel(self, search_id: int) -> None:
        """Have the child stop that search, if it still runs."""
        self._send(type="cancel", id=search_id)

    def kill(self) -> None:
        """End the child without a word, and see that it is dead."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)

    def end(self) -> None:
        """End the child: ask, then insist, then force. Returns within 0.8 s."""
        self._send(type="quit")
        for insist in (self._process.terminate, self._process.kill, None):
            try:
                self._process.wait(0.3 if insist else 0.1)
                break
            except subprocess.TimeoutExpired:
                if insist:
                    insist()
        self._reader.join(0.1)

    def _send(self, **message: str | int | None) -> None:
        """Write one command. A child that is gone is not an error here: `Ended` will tell."""
        line = json.dumps(message).encode("ascii") + b"\n"
        stdin = self._process.stdin
        assert stdin is not None
        with self._writing, contextlib.suppress(OSError, ValueError):
            stdin.write(line)
            stdin.flush()

    def _read(self) -> None:
        """Deliver answers until there are no more, see that the child is dead, and say why."""
        stdout = self._process.stdout
        assert stdout is not None
        garbage = None
        with stdout:
            while (line := stdout.readline(LONGEST_ANSWER)).endswith(b"\n"):
                try:
                    answer = parse_answer(line)
                except ValueError:
                    garbage = line
                    break
                with self._lock:
                    self._inbox.put(answer)
            if len(line) == LONGEST_ANSWER:
                garbage = line
        code = self._reap(0.0 if garbage else 0.5)
        reason = _why(code) if garbage is None else f"it wrote {garbage[:60]!r}, not an answer"
        with self._lock:
            self._ended = True
            self._inbox.put(Ended(reason))

    def _reap(self, patience: float) -> int:
        """Wait for the child's end, force it after `patience` seconds; return its exit code."""
        try:
            code = self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        stdin = self._process.stdin
        assert stdin is not None
        with self._writing, contextlib.suppress(OSError):
            stdin.close()
        return code


def _why(code: int) -> str:
    """Tell what an exit code of `subprocess` means; negative is a signal's number."""
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was killed by signal {-code}"
