"""Nodes as processes that look after their peers by themselves; what is waited for among them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests import databases
from tests.processes import NodeProcess

AUTOMATIC = {"CHAINSITE_NETWORKING": "automatic", "CHAINSITE_POLL_EVERY": "0.4"}


def start(data: Path, *, knows: str = "", **options: Any) -> NodeProcess:
    """A node that is told of one other, or of none."""
    environment = AUTOMATIC | options.pop("environment", {})
    if knows:
        environment["CHAINSITE_BOOTSTRAP"] = knows
    return NodeProcess(data, environment=environment, **options)


def address(node: NodeProcess) -> str:
    return f"127.0.0.1:{node.port}"


def tip(node: NodeProcess) -> tuple[int, str]:
    said = node.get("/api/v1/node").json()["tip"]
    return said["index"], said["hash"]


def rows(node: NodeProcess, statement: str, *values: object) -> list[tuple[Any, ...]]:
    """Read or change the database beside the node, as a command would."""
    return databases.rows(node.data / "chain.sqlite3", statement, *values)


def peers(node: NodeProcess) -> dict[str, str]:
    """The kinds of its peers, by address."""
    return dict(rows(node, "SELECT address, kind FROM ledger_peer"))


def cut(one: NodeProcess, other: NodeProcess) -> None:
    """What `manage.py peers pause` does, on both sides."""
    _stand(one, other, "paused")
    _stand(other, one, "paused")


def heal(one: NodeProcess, other: NodeProcess) -> None:
    _stand(one, other, "active")
    _stand(other, one, "active")


def _stand(node: NodeProcess, other: NodeProcess, standing: str) -> None:
    change = "UPDATE ledger_peer SET standing = ?, next_visit_at = NULL WHERE address = ?"
    rows(node, change, standing, address(other))


def until(condition: Callable[[], object], seconds: float, what: str = "it") -> float:
    """Wait; answer how long it took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, f"{what} did not happen within {seconds} s"
        time.sleep(0.02)
    return time.monotonic() - begun


def agree(nodes: Iterable[NodeProcess]) -> bool:
    return len({tip(node) for node in nodes}) == 1
