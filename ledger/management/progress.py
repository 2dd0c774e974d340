"""Progress bars for commands that take time; nothing where nobody watches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any, Final, cast

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

Stream = Any
"""A command's `self.stderr`: Django's wrapper of one, which is a text stream in all but type."""

_PATIENCE: Final = 1.0  # seconds before a bar is worth showing


@contextmanager
def verification_progress(stream: Stream) -> Iterator[Callable[[int, int], None]]:
    """A bar over blocks, shown once the work has taken a second."""
    bar = Progress(
        TextColumn("checking blocks"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=cast(IO[str], stream)),
        transient=True,
        disable=not stream.isatty(),
    )
    task = bar.add_task("")
    begun = time.monotonic()

    def advance(done: int, total: int) -> None:
        if not bar.live.is_started and time.monotonic() - begun > _PATIENCE:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield advance
    finally:
        bar.stop()


@contextmanager
def byte_progress(stream: Stream, what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar over bytes; `total` where it is known."""
    bar = Progress(
        TextColumn(what),
        BarColumn(),
        DownloadColumn(),
        console=Console(file=cast(IO[str], stream)),
        transient=True,
        disable=not stream.isatty(),
    )
    task = bar.add_task("", total=total)
    with bar:
        yield lambda more: bar.advance(task, more)


@contextmanager
def block_progress(stream: Stream, what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar over a known number of blocks."""
    bar = Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(file=cast(IO[str], stream)),
        transient=True,
        disable=not stream.isatty(),
    )
    task = bar.add_task("", total=total)
    with bar:
        yield lambda: bar.advance(task)


@contextmanager
def page_progress(stream: Stream, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar over the pages of a database."""
    bar = Progress(
        TextColumn(what),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(file=cast(IO[str], stream)),
        transient=True,
        disable=not stream.isatty(),
    )
    task = bar.add_task("", total=None)
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=total)
