"""The writer without its thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from ledger.node.events import Listeners
from ledger.node.writer import Writer, _call_each, _Job


class InlineWriter(Writer):
    """Commits in the caller's thread what it is given, exactly as the writing thread would."""

    def __init__(self, listeners: Listeners) -> None:
        self._listeners = listeners
        self._before: Callable[[], Any] | None = None

    def before_next_group(self, interlude: Callable[[], Any]) -> None:
        """Do something else first when the next group comes: someone was faster."""
        self._before = interlude

    def group(self, requests: Sequence[tuple[Any, Any]]) -> list[Future[Any]]:
        """Commit some requests, each `batched` and its argument, as one group."""
        interlude, self._before = self._before, None
        if interlude:
            interlude()
        futures: list[Future[Any]] = [Future() for _ in requests]
        told = zip(requests, futures, strict=True)
        self._commit([_Job(batched, argument, future) for (batched, argument), future in told])
        return futures

    def submit(self, operation: Callable[[], Any]) -> Future[Any]:
        return self.group([(_call_each, operation)])[0]

    def close(self) -> None:
        pass
