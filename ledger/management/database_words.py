"""What databases say when they cannot be used, what that means, and what to do about it."""

from __future__ import annotations

from typing import Final

Words = tuple[str, str, str]
"""What stands in the error, what it means of the database, and what to do."""

FILE: Final[tuple[Words, ...]] = (
    (
        "file is not a database",
        "is no database",
        "Restore a backup in its place, or move it away to begin with a new chain.",
    ),
    (
        "malformed",
        "is a damaged database",
        "Keep a copy of it, then restore a backup in its place.",
    ),
    (
        "full",
        "cannot grow: the disk is full",
        "Free some space and start again; nothing is lost.",
    ),
    (
        "disk I/O error",
        "could not be read or written",
        "Look at the disk: whether it is full, damaged or gone.",
    ),
    (
        "readonly",
        "may not be written",
        "Give the user of this process the right to write it and its folder.",
    ),
    (
        "unable to open",
        "cannot be opened",
        "It must be a file in a folder that the user of this process may write.",
    ),
    (
        "locked",
        "is locked by another process",
        "Wait until that has finished, or stop it.",
    ),
)

SERVER: Final[tuple[Words, ...]] = (
    (
        "password authentication failed",
        "refuses the user or the password",
        "Put the right ones into DATABASE_URL; what is special in a password percent-encoded.",
    ),
    (
        "no password supplied",
        "asks for a password",
        "Put it into DATABASE_URL, or into the file ~/.pgpass of this process's user.",
    ),
    (
        "no pg_hba.conf entry",
        "lets nobody in from this machine",
        "Add a line for this machine, user and database to the server's pg_hba.conf.",
    ),
    (
        "Peer authentication failed",
        "lets only the system's user of the same name in",
        "Name a host and a password in DATABASE_URL.",
    ),
    (
        "does not exist",
        "is not there",
        "Make the role and the database first: docs/postgresql.md says how.",
    ),
    (
        "unsupported startup parameter",
        "is behind a pooler that refuses what this node asks of its sessions",
        "Name the server itself in DATABASE_URL.",
    ),
    (
        "or later is required",
        "is on a server that is too old",
        "Upgrade the server, or use another one.",
    ),
    *(
        (said, "is on a host whose name nobody knows", "Look at the host in DATABASE_URL.")
        for said in ("failed to resolve host", "could not translate host name")
    ),
    (
        "starting up",
        "is on a server that is just starting",
        "Start again in a moment.",
    ),
    *(
        (
            said,
            "is on a server that takes no more connections",
            "Raise max_connections, or stop what else uses it.",
        )
        for said in ("too many c", "connection slots")
    ),
    (
        "read-only transaction",
        "may only be read: it is a standby, or set to be so",
        "Name the primary server in DATABASE_URL.",
    ),
    (
        "permission denied",
        "may not be changed by this user",
        "Make the user its owner: ALTER DATABASE … OWNER TO …",
    ),
    (
        "lock timeout",
        "is in use by another process that writes for long",
        "Wait until that has finished, or stop it.",
    ),
    (
        "No space left",
        "cannot grow: the server's disk is full",
        "Free some space and start again; nothing is lost.",
    ),
    *(
        (
            said,
            "cannot be reached",
            "Look whether the server runs, and at the host and the port in DATABASE_URL.",
        )
        for said in ("connection failed", "connection is bad", "timeout expired")
    ),
)
