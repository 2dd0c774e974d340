"""The zygote's end: forks a worker for each request line and says how it ended.

Run as `python -m tests.node.crash_worker` (see `zygote`). An action is a function here; it answers
with a value, or is killed. What it says before goes through a pipe, which outlives it. Who only
inspects is not killed: one worker does it for all, since to fork one costs more than to look.
"""

from __future__ import annotations

import gc
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import django
from django.apps import apps


class Speaker:
    """Writes lines into the pipe to the zygote: once written, they survive the worker."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, **line: Any) -> None:
        os.write(self._descriptor, (json.dumps(line) + "\n").encode())


def serve() -> None:
    """Answer requests until the input ends."""
    inspector = Inspector()
    for line in sys.stdin:
        request = json.loads(line)
        inspects = request["action"] == inspect.__name__
        answer = inspector.ask(line) if inspects else _fork(request)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    inspector.close()


def _fork(request: dict[str, Any]) -> dict[str, Any]:
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        _work(request, Speaker(theirs))
    os.close(theirs)
    return _watch(child, ours, request["kill_after"])


class Inspector:
    """The worker that stays: a process apart, as the next start would be, that did no work."""

    def __init__(self) -> None:
        requests, ask = os.pipe()
        hear, answers = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(ask)
            os.close(hear)
            try:
                _inspect_all(os.fdopen(requests), os.fdopen(answers, "w", 1))
            finally:
                os._exit(0)
        os.close(requests)
        os.close(answers)
        self._requests, self._answers = os.fdopen(ask, "w", 1), os.fdopen(hear)

    def ask(self, line: str) -> dict[str, Any]:
        self._requests.write(line)
        return dict(json.loads(self._answers.readline()))

    def close(self) -> None:
        self._requests.close()
        os.waitpid(self._child, 0)


def _inspect_all(requests: IO[str], answers: IO[str]) -> None:
    from django.db import connections

    for line in requests:
        try:
            said, code = {"result": inspect(**json.loads(line)["arguments"])}, 0
        except Exception:
            said, code = {"error": traceback.format_exc()[-3000:]}, 1
        connections.close_all()
        answers.write(json.dumps({"signal": None, "code": code, "said": [said]}) + "\n")


def _work(request: dict[str, Any], say: Speaker) -> None:
    code = 1
    try:
        action: Callable[..., Any] = ACTIONS[request["action"]]
        say(result=action(say, **request["arguments"]))
        code = 0
    except BaseException:
        traceback.print_exc()
        say(error=traceback.format_exc()[-3000:])
    finally:
        os._exit(code)


def _watch(child: int, pipe: int, kill_after: float | None) -> dict[str, Any]:
    """Read what the child says until it is gone; kill it in time if asked to."""
    deadline = None if kill_after is None else time.monotonic() + kill_after
    text = b""
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if not select.select([pipe], [], [], left)[0]:
            os.kill(child, signal.SIGKILL)
            deadline = None
        elif piece := os.read(pipe, 65536):
            text += piece
        else:
            break
    os.close(pipe)
    _, status = os.waitpid(child, 0)
    return {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else None,
        "code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
        "said": [json.loads(line) for line in text.decode().splitlines()],
    }


def _life(say: Callable[..., None], path: str, mutation: str | None, label: str = "") -> Any:
    from ledger.node import branch
    from tests.conftest import use_database

    from . import mutations
    from .life import Life
    from .statements import kill_this_process

    use_database(Path(path))
    branch._BATCH = 2  # so that adopting takes several transactions, as long branches do
    if mutation:
        mutations.MUTATIONS[mutation].plant()
    return Life(say, kill_this_process, label)


def prepare(say: Speaker, template: str, path: str) -> str:
    """Make a database with a past from the migrated template; answer the node's identifier."""
    from django.db import connection, transaction

    from ledger.node import identity
    from tests import databases
    from tests.conftest import use_database

    from .chains import NETWORK
    from .life import give_it_a_past

    databases.copy(Path(template), Path(path))
    use_database(Path(path))
    with transaction.atomic():
        own = identity.create(NETWORK)
    life = _life(say, path, None, "past")
    give_it_a_past(life)
    life.writer.close()
    connection.close()  # the last to close folds the log into the file, which can then be copied
    return own.identifier


def operate(
    say: Speaker, path: str, operation: str, nth: int, when: str, mutation: str | None = None
) -> int:
    """Do one operation, killed at the `nth` statement; else answer how many statements it took."""
    from .life import OPERATIONS

    life = _life(say, path, mutation, "killed")
    life.arm_for_next_group(nth, when)
    OPERATIONS[operation](life)
    life.writer.close()  # a writer that answers too soon has not finished before
    return life.countdown.passed


def live(
    say: Speaker,
    path: str,
    seed: int,
    nth: int,
    when: str,
    retries: list[tuple[str, list[Any]]],
) -> None:
    """Live by the dice until the `nth` statement, or for as long as it lasts (`nth` 0)."""
    from .life import live

    life = _life(say, path, None, f"life {seed}")
    life.arm_for_next_group(nth, when)
    live(life, random.Random(seed), retries)


def inspect(path: str, promises: dict[str, Any], then: str | None = None) -> list[str]:
    """What is wrong with the database; and after it did one more operation, unharmed."""
    from tests.conftest import use_database

    from .audit import Promises, find_faults
    from .life import OPERATIONS

    made = Promises.from_json(promises)
    use_database(Path(path))
    faults = find_faults(made)
    if faults or then is None:
        return faults
    later: list[dict[str, Any]] = []
    life = _life(lambda **line: later.append(line), path, None, "after")
    OPERATIONS[then](life)
    life.writer.close()
    made.take(later)
    return [f"after going on: {fault}" for fault in find_faults(made)]


def start_up(say: Speaker, path: str, nth: int, when: str) -> list[int]:
    """What `runnode` does before it serves; answers how many statements the migrations took, and
    how many all of it."""
    from django.core.management import call_command

    from ledger.node import lifecycle
    from ledger.node.conf import NodeConf
    from tests.conftest import use_database

    from .audit import Promises, find_faults
    from .statements import Countdown, kill_this_process

    use_database(Path(path))
    countdown = Countdown(kill_this_process)
    countdown.watch_this_thread()
    countdown.arm(nth, when)
    call_command("migrate", interactive=False, verbosity=0)
    migrated = countdown.passed
    conf = replace(NodeConf.from_settings(), dialect="seed", difficulty=1)
    own = lifecycle.prepare(conf)
    passed = countdown.passed  # from here on nothing is written
    lifecycle.verify_or_refuse()
    say(identifier=own.identifier, faults=find_faults(Promises(own.identifier)))
    return [migrated, passed]


def race(say: Speaker, path: str, seconds: float, label: str) -> dict[str, int]:
    """Accept and seal as fast as possible; answer how many blocks, and how many races were lost."""
    from ledger.node.errors import TipMoved

    life = _life(say, path, None, label)
    until = time.monotonic() + seconds
    sealed = lost = 0
    while time.monotonic() < until:
        life.accept()
        error = life.submit_seal().exception()
        assert error is None or isinstance(error, TipMoved), error
        sealed, lost = sealed + (error is None), lost + (error is not None)
    life.writer.close()
    return {"sealed": sealed, "lost": lost}


ACTIONS = {action.__name__: action for action in (prepare, operate, live, start_up, race)}


def _warm_up() -> None:
    """Load what workers use, so that each fork has it already. Nothing is connected."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chainsite.settings")
    django.setup()
    import tests.conftest  # noqa: F401
    from ledger.management.commands import migrate  # noqa: F401

    from . import audit, life, mutations  # noqa: F401

    for model in apps.get_models():  # what Django loads and computes with a model's first query
        str(model.objects.filter(pk=1).order_by("pk").query)
    gc.collect()
    gc.freeze()  # so that no collection in a child copies the pages it shares with us


if __name__ == "__main__":
    _warm_up()
    serve()
