"""What an operator may do with a running node: the acts behind the commands and the admin.

Each act is one call on the node of this process (`lifecycle`), from a thread that may wait, never
from an event loop. It is done through the writer in one transaction with its events, answers after
COMMIT with a value of `outcomes` whose `str` says in words what was done, and raises a `NodeError`
whose `str` says why it was not. What no other event tells is an `operator` event: history knows
it, whichever door it came through.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

from django.db import connection
from django.utils import timezone

from . import chain_text, events, invalidation, lifecycle, mempool, transfer
from .backup import back_up, put_back, put_on_server
from .errors import NotAccepted
from .network import addresses, peers
from .outcomes import (
    BackedUp,
    BlockName,
    Dropped,
    Exported,
    Invalidated,
    Mined,
    MiningCancelled,
    PeerChanged,
    Preferred,
    Reconsidered,
    Resolved,
    Restored,
    Verified,
)
from .verification_process import verify_apart
from .whole_file import draft_of

T = TypeVar("T")

_NOTE: Final = 200  # characters


def invalidate_block(digest: str, reason: str = "") -> Invalidated:
    """Mark the block with this hash invalid. If it is active, the chain reorganises onto the
    longest stored branch without a mark (of equals the one seen first), as one transaction.

    Raises `NotAccepted` for an unknown hash, the genesis made here, and a block marked already.
    """
    return _write(lambda: invalidation.invalidate(digest, _line(reason)))


def reconsider_block(digest: str) -> Reconsidered:
    """Lift the marks on this block, on its ancestors and on its descendants, and go back to the
    longest stored branch: to the tip that was left, if none is longer.

    Raises `NotAccepted` for an unknown hash, and where there is no such mark.
    """
    network = lifecycle.current().identity.network
    return _write(lambda: invalidation.reconsider(digest, network))


def prefer_block(digest: str) -> Preferred:
    """Make the branch that ends in this block active, if it is as long as the active chain.

    Raises `NotAccepted` for an unknown hash, a shorter branch, and one with a mark in it.
    """
    return _write(lambda: invalidation.prefer(digest))


def drop_transaction(uid: str, reason: str) -> Dropped:
    """Refuse a transaction that waits in the pool; it stays known, with the reason (up to 300
    characters, shown on its page). A block being searched for that has it is not sealed.

    Raises `NotAccepted` for an unknown id, an empty reason, and what does not wait.
    """
    why = _line(reason)
    if not why:
        raise NotAccepted("a reason is needed: it is what the transaction's page will say")
    return Dropped(_write(lambda: mempool.drop(uid, why)), why)


def add_peer(address: str, note: str = "") -> PeerChanged:
    """Register a peer. Raises `NotAccepted` for what is no address, is known already or is
    banned; `Overloaded` where as many are kept as the settings allow."""
    parsed, limit = _parsed(address), lifecycle.current().conf.peers
    return _write(lambda: peers.add(parsed, _line(note, _NOTE), limit))


def edit_peer(
    address: str, *, new_address: str | None = None, note: str | None = None
) -> PeerChanged:
    """Change a peer's address (what was learned of it goes) or the note on it (200 characters).

    Raises `NotAccepted` for an unknown peer and for a new address that is none or is taken.
    """
    new = None if new_address is None else _parsed(new_address)
    words = None if note is None else _line(note, _NOTE)
    return _write(lambda: peers.edit(_plain(address), new, words))


def pause_peer(address: str) -> PeerChanged:
    """Ask this peer no more until `resume_peer`. Raises `NotAccepted` unless it is active."""
    return _write(lambda: peers.pause(_plain(address)))


def resume_peer(address: str) -> PeerChanged:
    """Ask a paused peer again. Raises `NotAccepted` unless it is paused."""
    return _write(lambda: peers.resume(_plain(address)))


def ban_peer(address: str, reason: str = "", until: datetime | None = None) -> PeerChanged:
    """Neither ask this address nor let it be registered, known or not, until a time (aware; None:
    for good). A ban that stands is replaced.

    Raises `NotAccepted` for what is no address, and a time that is over.
    """
    return _write(lambda: peers.ban(_plain(address), _line(reason), until))


def unban_peer(address: str) -> PeerChanged:
    """End a ban; the peer is active again. Raises `NotAccepted` unless it is banned."""
    return _write(lambda: peers.unban(_plain(address)))


def remove_peer(address: str) -> PeerChanged:
    """Forget a peer; it may be registered again. Raises `NotAccepted` for an unknown peer, and
    for a banned one: forgetting it would end the ban."""
    return _write(lambda: peers.remove(_plain(address)))


def mine(count: int = 1, progress: Callable[[int], None] | None = None) -> Mined:
    """Mine blocks and wait for them. `progress` gets how many are done.

    Raises `Overloaded` when too many requests wait, `mining.MiningCancelled` when cancelled.
    """
    blocks = []
    for done in range(1, count + 1):
        block = lifecycle.current().work.mine().block.result()
        blocks.append(BlockName(block.index, block.hash))
        if progress:
            progress(done)
    return Mined(tuple(blocks))


def cancel_mining() -> MiningCancelled:
    """Give up the search under way and those that wait, in every process on this database."""
    work = lifecycle.current().work
    searching = work.mining().searching
    _write(lambda: events.record_act("cancel-mining"))
    return MiningCancelled(work.cancel_mining().result() or searching is not None)


def resolve() -> Resolved:
    """Ask all active peers now, follow the longest valid chain if it is longer than ours."""
    done = lifecycle.current().work.resolve().result()
    return Resolved(done.reports, done.switch)


def verify(last: int | None = None, progress: Callable[[int, int], None] | None = None) -> Verified:
    """Check the whole chain and every table, or the `last` blocks of the active chain only, as of
    one moment, in a process of its own: neither the writer nor an event loop waits for it.

    Faults found are in the answer. `progress` gets the blocks done and the blocks there are.
    Raises `NodeError` where the check itself could not run.
    """
    return verify_apart(last=last, progress=progress)


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
    path = target or _new_file("exports", "json")
    with draft_of(path, force=force) as draft, draft.open("wb") as file:
        blocks = transfer.export_chain(file, progress or (lambda more: None))
    return Exported(path, blocks, path.stat().st_size)


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
    return back_up(target or _new_file("backups", "sqlite3"), force=force, progress=progress)


def restore(source: Path, *, progress: Callable[[int, int], None] | None = None) -> Restored:
    """Put a backup in the place of this data folder's database, or into an empty one on a server.
    No node may run on it, this process included, and no connection be open. `progress` gets rows
    done and rows there are, for a server.

    Raises `NodeError` where `source` is no sound backup, and `NotAccepted` while the database is in
    use; nothing is changed then.
    """
    if lifecycle.is_running():
        raise NotAccepted("a node runs in this process: stop it first")
    if connection.vendor != "sqlite":
        return put_on_server(source, progress)
    return put_back(source, Path(connection.settings_dict["NAME"]))


def _write(operation: Callable[[], T]) -> T:
    return lifecycle.current().writer.run(operation)


def _parsed(address: str) -> str:
    """The address of a peer as it is kept, if this node may ask there."""
    (parsed,) = peers.parse_all([address.strip()], lifecycle.current().conf.peer_policy)
    return parsed


def _plain(address: str) -> str:
    """The same, wherever it is: what is known can be named, and anything can be banned."""
    try:
        return addresses.parse(address.strip())
    except addresses.AddressRefused as refused:
        raise NotAccepted(str(refused)) from None


def _line(text: str, longest: int = 300) -> str:
    """A person's words as one line. Raises `NotAccepted` if they are too long."""
    line = " ".join(text.split())
    if len(line) > longest:
        raise NotAccepted(f"{longest} characters are enough: these are {len(line)}")
    return line


def _new_file(folder: str, ending: str) -> Path:
    """A name that is not taken yet, in a folder of the data folder, which is made where needed."""
    path = lifecycle.current().conf.data / folder
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = timezone.now()
    return path / f"chain-{chain_text.length()}-{now:%Y%m%dT%H%M%S%f}.{ending}"
