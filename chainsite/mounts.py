"""What kind of file system a folder is on, where the system tells."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

# SQLite's write-ahead log wants shared memory and locks that such file systems do not keep.
NETWORK: Final = frozenset(
    (
        *("9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "gfs2", "glusterfs"),
        *("lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs"),
    )
)
MEMORY: Final = frozenset(("ramfs", "tmpfs"))

_TABLE: Final = Path("/proc/self/mounts")
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


def kind_of(folder: Path, table: Path = _TABLE) -> str:
    """The type of the file system that holds the folder, as `mount` calls it; empty if unknown."""
    try:
        lines = table.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    place, found, length = folder.resolve(), "", -1
    for line in lines:
        _, mounted, kind, *_ = line.split(" ")
        point = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), mounted))
        # Of two mounts on one point the later one hides the earlier.
        if place.is_relative_to(point) and len(point.parts) >= length:
            found, length = kind, len(point.parts)
    return found
