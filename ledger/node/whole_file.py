"""Files that are whole or not there: written under another name, flushed, then given theirs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import NodeError, NotAccepted


@contextmanager
def draft_of(target: Path, *, force: bool = False) -> Iterator[Path]:
    """An empty file beside `target`, its owner's alone, that takes its place at the end.

    If the block raises, the draft goes and `target` stays as it was. Raises `NotAccepted` where
    `target` exists already, unless `force`, and `NodeError` where it cannot be written.
    """
    _refuse_if_taken(target, force)
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        os.close(descriptor)
    except OSError as error:
        raise NodeError(f"{target} cannot be written: {error}") from error
    draft = Path(name)
    try:
        yield draft
        _flush(draft)
        _refuse_if_taken(target, force)
        draft.replace(target)
        _flush(target.parent)
    except OSError as error:
        raise NodeError(f"{target} cannot be written: {error}") from error
    finally:
        draft.unlink(missing_ok=True)


def _refuse_if_taken(target: Path, force: bool) -> None:
    if not force and target.exists():
        raise NotAccepted(f"{target} exists already")


def _flush(path: Path) -> None:
    """Have it on the disk, be it a file or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
