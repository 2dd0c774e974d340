"""Running the state machine, for the tests that do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ledger.node import branch, identity
from tests import databases
from tests.conftest import use_database

from .chains import NETWORK
from .ledger_machine import LedgerMachine
from .statements import Countdown, raise_crash

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@contextmanager
def machine_class(migrated: Path, folder: Path) -> Iterator[type[LedgerMachine]]:
    """The machine, to be run on databases in `folder`."""
    template = folder / "template.sqlite3"
    databases.copy(migrated, template)
    use_database(template)
    with transaction.atomic():
        identity.create(NETWORK)
    connection.close()
    countdown = Countdown(raise_crash)
    attributes = {"template": template, "folder": folder, "countdown": countdown}
    batch, branch._BATCH = branch._BATCH, 2  # a short branch takes several transactions too
    countdown.watch_this_thread()
    try:
        yield type("Ledger", (LedgerMachine,), attributes)
    finally:
        countdown.leave_this_thread()
        branch._BATCH = batch


def run_machine(migrated: Path, folder: Path, *, examples: int, steps: int, **more: Any) -> None:
    """Let dice decide what it does. Raises what the machine raises."""
    with machine_class(migrated, folder) as machine:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=QUIET,
                **more,
            ),
        )


def run_scenario(migrated: Path, folder: Path, scenario: Callable[[LedgerMachine], None]) -> None:
    """Let a scenario decide."""
    with machine_class(migrated, folder) as machine:
        one = machine()
        try:
            scenario(one)
        finally:
            one.teardown()


# The same steps at each run, and no search for a smaller example: for planted bugs.
SEEDED: dict[str, Any] = {
    "phases": (Phase.generate,),
    "derandomize": True,
    "database": None,
    "report_multiple_bugs": False,
}
