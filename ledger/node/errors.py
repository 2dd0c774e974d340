"""Why this node could not do what it was asked, in words for whoever asked."""

from __future__ import annotations


class NodeError(Exception):
    """Something was refused or failed; the message says what and why."""


class Overloaded(NodeError):
    """Too much is waiting; asking again after `retry_after` seconds makes sense."""

    def __init__(self, message: str, *, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class StorageFailed(NodeError):
    """The database could not commit (disk full, locked, gone). Nothing was acknowledged."""


class Unreachable(StorageFailed):
    """There is no connection to the database's server; it may come back."""


class NotAccepted(NodeError):
    """A request that cannot be honoured as it stands; `faults` are all the reasons."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class MarkedInvalid(NodeError):
    """A chain holds a block that is marked invalid here; no longer chain makes up for that."""

    def __init__(self, index: int) -> None:
        super().__init__(f"block {index} is marked invalid on this node")
        self.index = index


class KeyReused(NodeError):
    """An idempotency key came back with another request."""


class TipMoved(NodeError):
    """The active chain changed since the work was begun; begin again."""


class Damaged(NodeError):
    """The stored chain breaks an invariant. `index` is where, if one block is at fault."""

    def __init__(self, message: str, *, index: int | None = None) -> None:
        super().__init__(message)
        self.index = index


class Unattended(NodeError):
    """Another process does this, and none is there to. Asking again later makes sense."""


class Stopped(NodeError):
    """The node is shutting down."""
