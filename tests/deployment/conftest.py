"""The topology of `deploy/`, for tests: its node processes forked, everything else as installed."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from deploy.local import Missing, Topology
from tests import processes
from tests.processes import ManageProcess

SETTINGS = {
    "CHAINSITE_DIFFICULTY": "3",
    "CHAINSITE_NETWORKING": "manual",
    **dict.fromkeys(("CHAINSITE_READ_RATE", "CHAINSITE_WRITE_RATE", "CHAINSITE_WORK_RATE"), "0"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = f"{Path(__file__).parent}{os.sep}"
    for item in items:
        if str(item.path).startswith(here) and "begin" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)


class Forked(ManageProcess):
    """A forked process, as the topology has those it starts."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], log: Path) -> None:
        super().__init__(list(arguments), environment)
        threading.Thread(target=self._write, args=(log,), daemon=True).start()

    def poll(self) -> int | None:
        return self.returncode

    def _write(self, log: Path) -> None:
        with log.open("a") as out:
            for line in self.lines:
                out.write(line)
                out.flush()


Begin = Callable[..., Topology]


@pytest.fixture
def begin(migrated: Path) -> Iterator[Begin]:
    """Start a topology with these options; it is gone when the test ends."""
    folder = Path(tempfile.mkdtemp(prefix="cs-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    begun: list[Topology] = []

    def start(**options: object) -> Topology:
        environment = SETTINGS | options.pop("environment", {})
        topology = Topology(folder, environment=environment, launch=Forked, **options)
        begun.append(topology)
        if topology.database == "sqlite":
            (folder / "data").mkdir()
            shutil.copy(processes.template, folder / "data" / "chain.sqlite3")
        try:
            topology.start()
        except Missing as missing:
            (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))
        except RuntimeError as error:
            logs = "".join(path.read_text() for path in sorted(folder.glob("*.log")))
            raise AssertionError(f"{error}\n{logs}") from error
        return topology

    yield start
    for topology in begun:
        topology.close()
    shutil.rmtree(folder, ignore_errors=True)
