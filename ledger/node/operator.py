"""What an operator may do with a running node: the acts behind the commands and the admin.

Each act is one call on the node of this process (`lifecycle`), from a thread that may wait, never
from an event loop. It is done through the writer in one transaction with its events, answers after
COMMIT with a value of `outcomes` whose `str` says in words what was done, and raises a `NodeError`
whose `str` says why it was not. Every act but reading is an `operator` event: history tells it,
whichever door it came through.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from .outcomes import (
    BackedUp,
    Dropped,
    Exported,
    Invalidated,
    Mined,
    MiningCancelled,
    PeerChanged,
    Preferred,
    Reconsidered,
    Resolved,
    Verified,
)


def invalidate_block(digest: str, reason: str = "") -> Invalidated:
    """Mark the block with this hash invalid. If it is active, the chain reorganises onto the
    longest stored branch without a mark (of equals the one seen first), as one transaction.

    Raises `NotAccepted` for an unknown hash, the genesis made here, and a block marked already.
    """
    raise NotImplementedError


def reconsider_block(digest: str) -> Reconsidered:
    """Lift the marks on this block, on its ancestors and on its descendants, and go back to the
    longest stored branch: to the tip that was left, if none is longer.

    Raises `NotAccepted` for an unknown hash, and where there is no such mark.
    """
    raise NotImplementedError


def prefer_block(digest: str) -> Preferred:
    """Make the branch that ends in this block active, if it is as long as the active chain.

    Raises `NotAccepted` for an unknown hash, a shorter branch, and one with a mark in it.
    """
    raise NotImplementedError


def drop_transaction(uid: str, reason: str) -> Dropped:
    """Refuse a transaction that waits in the pool; it stays known, with the reason (up to 300
    characters, shown on its page). A block being searched for that has it is not sealed.

    Raises `NotAccepted` for an unknown id, an empty reason, and what does not wait.
    """
    raise NotImplementedError


def add_peer(address: str, note: str = "") -> PeerChanged:
    """Register a peer. Raises `NotAccepted` for what is no address, is known already or is
    banned; `Overloaded` where as many are kept as the settings allow."""
    raise NotImplementedError


def edit_peer(
    address: str, *, new_address: str | None = None, note: str | None = None
) -> PeerChanged:
    """Change a peer's address (what was learned of it goes) or the note on it (200 characters).

    Raises `NotAccepted` for an unknown peer and for a new address that is none or is taken.
    """
    raise NotImplementedError


def pause_peer(address: str) -> PeerChanged:
    """Ask this peer no more until `resume_peer`. Raises `NotAccepted` unless it is active."""
    raise NotImplementedError


def resume_peer(address: str) -> PeerChanged:
    """Ask a paused peer again. Raises `NotAccepted` unless it is paused."""
    raise NotImplementedError


def ban_peer(address: str, reason: str = "", until: datetime | None = None) -> PeerChanged:
    """Neither ask this address nor let it be registered, known or not, until a time (aware; None:
    for good). A ban that stands is replaced.

    Raises `NotAccepted` for what is no address, and a time that is over.
    """
    raise NotImplementedError


def unban_peer(address: str) -> PeerChanged:
    """End a ban; the peer is active again. Raises `NotAccepted` unless it is banned."""
    raise NotImplementedError


def remove_peer(address: str) -> PeerChanged:
    """Forget a peer; it may be registered again. Raises `NotAccepted` for an unknown peer, and
    for a banned one: forgetting it would end the ban."""
    raise NotImplementedError


def mine(count: int = 1, progress: Callable[[int], None] | None = None) -> Mined:
    """Mine blocks and wait for them. `progress` gets how many are done.

    Raises `Overloaded` when too many requests wait, `mining.MiningCancelled` when cancelled.
    """
    raise NotImplementedError


def cancel_mining() -> MiningCancelled:
    """Give up the search under way and those that wait, in every process on this database."""
    raise NotImplementedError


def resolve() -> Resolved:
    """Ask all active peers now, follow the longest valid chain if it is longer than ours."""
    raise NotImplementedError


def verify(last: int | None = None, progress: Callable[[int, int], None] | None = None) -> Verified:
    """Check the whole chain and every table, or the `last` blocks of the active chain only, as of
    one moment, in a process of its own: neither the writer nor an event loop waits for it.

    Faults found are in the answer. `progress` gets the blocks done and the blocks there are.
    Raises `NodeError` where the check itself could not run.
    """
    raise NotImplementedError


def export_chain(
    target: Path | None = None,
    *,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Exported:
    """Write the active chain to a file in the format of `GET /chain`, whole or not at all.

    Without `target` the file gets a name of its own in the data folder's `exports`. `progress` gets
    bytes. Raises `NotAccepted` where the file exists, unless `force`; `NodeError` if it cannot be
    written.
    """
    raise NotImplementedError


def backup(
    target: Path | None = None,
    *,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BackedUp:
    """Copy the database as of one moment while the node runs, verify the copy, and only then give
    it its name: there is a whole and sound backup under `target`, or what was there before.

    Without `target` it gets a name of its own in the data folder's `backups`. Writers do not wait.
    `progress` gets pages done and pages there are. The file is its owner's alone (mode 0600); the
    secret key is not in it. Raises `NotAccepted` where the file exists, unless `force`;
    `NodeError` if it cannot be written, and `Damaged` if the copy is not sound.
    """
    raise NotImplementedError
