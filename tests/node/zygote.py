"""A process that forks workers: Django is imported once, each worker starts within milliseconds.

The zygote itself never opens a database and has one thread, so its children are as fresh as
processes can be. `Zygote` is the test's end of it; `python -m tests.node.crash_worker` the other.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ended:
    """How a worker ended, and what it had said by then."""

    signal: int | None
    code: int | None
    said: list[dict[str, Any]]

    @property
    def killed(self) -> bool:
        return self.signal == signal.SIGKILL

    def result(self) -> Any:
        """What a worker that was to live to its end answered."""
        assert self.code == 0, f"the worker failed: {self}"
        return self.said[-1]["result"]


class Zygote:
    """Workers, one at a time. Use several zygotes for several at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._errors = (folder / "errors.log").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.node.crash_worker"],
            cwd=PROJECT,
            env={**os.environ, "CHAINSITE_DATA": str(folder), "CHAINSITE_LOG_LEVEL": "CRITICAL"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def run(self, action: str, *, kill_after: float | None = None, **arguments: Any) -> Ended:
        """Fork a worker for an action of `crash_worker` and wait for its end."""
        assert self._process.stdin and self._process.stdout
        request = {"action": action, "kill_after": kill_after, "arguments": arguments}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the zygote is gone: {self.errors}"
        return Ended(**json.loads(answer))

    @property
    def errors(self) -> str:
        """What the workers wrote on stderr."""
        self._errors.seek(0)
        return self._errors.read()

    def __enter__(self) -> Zygote:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)
        self._errors.close()
