"""Running the state machine, for the tests that do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ledger.node import branch, identity
from tests.conftest import use_database

from .chains import NETWORK
from .ledger_machine import LedgerMachine
from .statements import Countdown, raise_crash

QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def run_machine(migrated: Path, folder: Path, *, examples: int, steps: int, **more: Any) -> None:
    """Run it on databases in `folder`. Raises what the machine raises."""
    template = folder / "template.sqlite3"
    shutil.copy(migrated, template)
    use_database(template)
    with transaction.atomic():
        identity.create(NETWORK)
    connection.close()
    countdown = Countdown(raise_crash)
    attributes = {"template": template, "folder": folder, "countdown": countdown}
    machine = type("Ledger", (LedgerMachine,), attributes)
    batch, branch._BATCH = branch._BATCH, 2  # a short branch takes several transactions too
    countdown.watch_this_thread()
    try:
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=examples,
                stateful_step_count=steps,
                deadline=None,
                suppress_health_check=QUIET,
                print_blob=True,
                **more,
            ),
        )
    finally:
        countdown.leave_this_thread()
        branch._BATCH = batch


GENERATE_ONLY = {"phases": (Phase.generate,), "derandomize": True, "database": None}
"""The same steps at each run, and no search for a smaller example: for planted bugs."""
