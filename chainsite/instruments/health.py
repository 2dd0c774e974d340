"""`/healthz`: the process answers. `/readyz`: it can do its work.

Readiness is asked by probes every few seconds, and by anybody. So one test of the database serves
all who ask within a moment, and it goes through the writer like any other request.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from ledger.node import lifecycle
from ledger.node.errors import NodeError
from ledger.node.node import ALL, WEB

from . import disk

_PATIENCE: Final = 2.0  # seconds for a commit, before the database counts as not writable
_FRESH: Final = 1.0  # seconds for which one test serves all who ask
_NO_STORE: Final = {"Cache-Control": "no-store"}


class Check(NamedTuple):
    ok: bool
    reason: str


async def alive(request: HttpRequest) -> HttpResponse:
    """That the process answers at all. Asks neither the node nor the database."""
    return JsonResponse({"status": "alive"}, headers=_NO_STORE)


async def ready(request: HttpRequest) -> HttpResponse:
    """200 if every check is good, else 503; each with its reason.

    Without a worker this process can do all but search and ask peers: it is degraded, and ready.
    """
    checks = await _checks()
    bad = {name for name, check in checks.items() if not check.ok}
    good = bad <= {"worker"}
    return JsonResponse(
        {
            "status": ("degraded" if bad else "ready") if good else "not ready",
            "checks": {name: check._asdict() for name, check in checks.items()},
        },
        status=200 if good else 503,
        headers=_NO_STORE if good else {**_NO_STORE, "Retry-After": "5"},
    )


async def _checks() -> dict[str, Check]:
    try:
        node = lifecycle.current()
    except NodeError as error:
        return {"node": Check(False, str(error))}
    return {
        "node": Check(True, "it runs" if node.role == ALL else f"it runs, as {node.role}"),
        **({} if node.role == WEB else {"verified": _verified()}),
        **({} if node.role == ALL else {"worker": _worker(node)}),
        "database": await _probe.result(node),
        "disk": await asyncio.to_thread(_room, node),  # a disk that hangs is asked there
    }


def _verified() -> Check:
    report = lifecycle.verified()
    if report is None:
        return Check(False, "the chain was not checked when this process started")
    return Check(True, f"{report.blocks} blocks were checked at the start")


def _worker(node: lifecycle.Node) -> Check:
    if missing := node.unattended():
        return Check(False, missing)
    return Check(True, "this one" if node.has_duties else "a worker that checked the chain")


def _room(node: lifecycle.Node) -> Check:
    free, floor = disk.free(node.conf.data), settings.NODE_DISK_FLOOR
    words = f"{free} bytes are free, and CHAINSITE_DISK_FLOOR is {floor}"
    return Check(free >= floor, words)


def _write() -> None:
    """Make the database write to its disk, and change nothing."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            # Written even if it is the same: one page goes into the log, and COMMIT flushes it.
            cursor.execute("PRAGMA user_version")
            (version,) = cursor.fetchone()
            cursor.execute(f"PRAGMA user_version = {int(version)}")
        else:
            # Refused where writing is, as on a standby or by a server that ran out of room.
            cursor.execute("UPDATE ledger_tip SET version = version WHERE FALSE")
            # With a record in the log, COMMIT flushes it; an empty transaction's is not waited for.
            cursor.execute("SELECT pg_logical_emit_message(TRUE, 'chainsite', '')")


class _Probe:
    """The test of the database: one at a time, and its outcome for as long as it is fresh."""

    def __init__(self) -> None:
        self._of: tuple[Any, ...] = ()
        self._until = 0.0
        self._running: asyncio.Task[Check] | None = None

    async def result(self, node: lifecycle.Node) -> Check:
        loop = asyncio.get_running_loop()
        if self._of != (node, loop) or self._running is None or loop.time() >= self._until:
            self._of = (node, loop)
            self._until = loop.time() + _PATIENCE + _FRESH
            self._running = loop.create_task(self._test(node))
        return await asyncio.shield(self._running)  # who hangs up takes it from nobody else

    async def _test(self, node: lifecycle.Node) -> Check:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            async with asyncio.timeout(_PATIENCE):
                await node.writer.perform(_write)
        except TimeoutError:
            check = Check(False, f"nothing could be written within {_PATIENCE:g} seconds")
        except NodeError as error:
            check = Check(False, str(error))
        else:
            check = Check(True, f"a commit took {(loop.time() - begun) * 1000:.1f} ms")
        self._until = loop.time() + _FRESH
        return check


_probe: Final = _Probe()
