"""How much room there is, and how much is taken."""

from __future__ import annotations

import shutil
from pathlib import Path


def free(folder: Path) -> int:
    """Bytes that may still be written there; 0 where that cannot be told."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def size(path: Path | str) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0
