"""Which SQLite library this process runs on.

SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when two connections write or checkpoint at the
same moment. Where Python was built with such a version, `pysqlite3` (which bundles a repaired one)
takes its place, before Django's backend is imported.
"""

from __future__ import annotations

import sqlite3
import sys
from typing import Final

FIRST_SOUND: Final = (3, 51, 3)


def choose() -> str:
    """Put a sound library in place if there is one; return words on which one runs."""
    if sqlite3.sqlite_version_info < FIRST_SOUND:
        try:
            import pysqlite3
        except ImportError:
            pass
        else:
            if pysqlite3.sqlite_version_info > sqlite3.sqlite_version_info:
                sys.modules["sqlite3"] = pysqlite3
    return describe()


def describe() -> str:
    """For people: the version in use, and a warning where it has the WAL bug."""
    library = sys.modules["sqlite3"]
    bundled = " (bundled with pysqlite3)" if library.__name__ == "pysqlite3" else ""
    risk = (
        ""
        if is_sound()
        else "; it has the WAL bug of 3.7.0 to 3.51.2, do not share the data folder"
    )
    return f"SQLite {library.sqlite_version}{bundled}{risk}"


def is_sound() -> bool:
    """Whether the library in use is beyond the WAL bug."""
    return bool(sys.modules["sqlite3"].sqlite_version_info >= FIRST_SOUND)
