"""A copy of the database made while it is in use, and the way back.

SQLite's own backup copies page by page inside one read transaction: writers go on, and the copy is
of one moment. From a server the rows are copied into a file (`copying`), and back. A copy is
verified before it gets its name.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from django.db import Error, connection
from django.utils import timezone

from . import copying
from .errors import Damaged, NodeError, NotAccepted
from .outcomes import BackedUp, Restored, Verified
from .reading import one_moment
from .verification_process import verify_apart
from .whole_file import draft_of

_PAGES: Final = 2048  # to one step, 8 MiB


def _library() -> Any:
    """The SQLite that Django runs on, which need not be Python's own."""
    return importlib.import_module("sqlite3")  # as `chainsite.sqlite_library` has put it there


def back_up(target: Path, *, force: bool, progress: Callable[[int, int], None] | None) -> BackedUp:
    """Copy this node's database to `target`. See `operator.backup`."""
    with draft_of(target, force=force) as draft:
        try:
            if connection.vendor == "sqlite":
                _copy(draft, progress)
            else:
                copying.into_file(draft, progress)
        except (Error, _library().Error) as error:
            raise NodeError(f"the database could not be copied: {error}") from error
        found = _sound(draft)
    return BackedUp(target, target.stat().st_size, found)


def put_back(source: Path, database: Path) -> Restored:
    """Verify a backup and put a copy of it in the place of `database`, which is kept under
    another name. An older version's backup is migrated on the way. No Django connection to
    `database` may be open.

    Raises `NodeError` where the backup cannot be read, `Damaged` where it is not sound, and
    `NotAccepted` while a node or a command has the database open; nothing is changed then.
    """
    if not source.is_file():
        raise NodeError(f"there is no file {source}")
    if database.exists():
        _fold(database)  # before the work, to say at once that somebody uses it
    database.parent.mkdir(parents=True, exist_ok=True)
    with draft_of(database, force=True) as draft:
        shutil.copyfile(source, draft)
        found = _sound(draft, migrate=True)
        kept = _keep(database) if database.exists() else None
    return Restored(source, found, kept)


def put_on_server(source: Path, progress: Callable[[int, int], None] | None) -> Restored:
    """Verify a backup and put a copy of it into this node's database on a server, which has no node
    in it yet. `source` may also be a node's own file, of a node that is stopped.

    Raises as `put_back` does; nothing is changed then.
    """
    if not source.is_file():
        raise NodeError(f"there is no file {source}")
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, "copy.sqlite3")
        try:
            with (
                closing(_library().connect(source)) as own,
                closing(_library().connect(draft)) as copy,
            ):
                own.backup(copy)  # and what is still in its log
        except _library().Error as error:
            raise NodeError(f"{source} cannot be read: {error}") from error
        found = _sound(draft, migrate=True)
        copying.from_file(draft, progress)
    return Restored(source, found, None)


def _copy(draft: Path, progress: Callable[[int, int], None] | None) -> None:
    def passed(_status: int, remaining: int, total: int) -> None:
        if progress:
            progress(total - remaining, total)

    connection.ensure_connection()
    with one_moment(connection), closing(_library().connect(draft)) as copy:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM ledger_tip")  # the moment is that of the first read
            cursor.fetchall()
        own: Any = connection.connection
        own.backup(copy, pages=_PAGES, progress=passed)


def _sound(database: Path, *, migrate: bool = False) -> Verified:
    found = verify_apart(database=database, migrate=migrate)
    if not found.sound:
        raise Damaged("the copy is not sound:\n" + "\n".join(map(str, found.faults)))
    return found


def _keep(database: Path) -> Path:
    """Give the present database another name beside its own."""
    kept = database.with_name(f"{database.name}.before-{timezone.now():%Y%m%dT%H%M%S}")
    if not _fold(database):  # its being damaged may be why it is replaced: keep all there is of it
        for end in ("wal", "shm"):
            with suppress(FileNotFoundError):
                database.with_name(f"{database.name}-{end}").replace(f"{kept}-{end}")
    os.link(database, kept)
    return kept


def _fold(database: Path) -> bool:
    """Fold the log into the file and away; False if the file is too damaged for that.

    SQLite needs the database to itself for it: that is how it is known that nobody uses it. Raises
    `NotAccepted` if somebody does.
    """
    library = _library()
    try:
        with closing(library.connect(database, timeout=0)) as own:
            own.execute("PRAGMA journal_mode = DELETE").fetchall()
    except library.DatabaseError as error:
        if "locked" in str(error):
            raise NotAccepted("a node or a command is using this data folder: stop it") from error
        return False
    return True
