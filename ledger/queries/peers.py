"""Peers: what the last round learned of each, set against our chain as it is now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from ledger.models import Block, Peer, Reorganisation

_LOOKED_BACK: Final = 24  # reorganisations since, which may have cut below what was shared
_SHOWN: Final = 256


def described(tip: int) -> list[dict[str, Any]]:
    """All peers, in the order they were registered. `tip` is the length of our chain."""
    rows = list(Peer.objects.order_by("pk")[:_SHOWN])
    known = _known(row.tip_hash for row in rows if row.tip_hash)
    since = list(
        Reorganisation.objects.order_by("-pk").values_list("at", "fork_index")[:_LOOKED_BACK]
    )
    found = []
    for row in rows:
        active = known.get(row.tip_hash, False)
        shared = _shared(row, active, since)
        found.append(
            {
                "address": row.address,
                "relation": _relation(row, tip, active, shared),
                "length": row.length,
                "tip": {"index": row.length, "hash": row.tip_hash} if row.tip_hash else None,
                "active": active,
                "known": row.tip_hash in known,
                "shared": shared,
                "difference": abs((row.length or 0) - tip),
                "registered_at": row.registered_at.isoformat(),
                "last_success_at": row.last_success_at and row.last_success_at.isoformat(),
                "last_failure_at": row.last_failure_at and row.last_failure_at.isoformat(),
                "failure": row.failure,
                "latency": None if row.latency is None else round(row.latency, 3),
            }
        )
    return found


def _known(hashes: Iterable[str]) -> dict[str, bool]:
    """Of the blocks that we hold, whether each is active."""
    rows = Block.objects.filter(hash__in=set(hashes))
    return {digest: bool(active) for digest, active in rows.values_list("hash", "active__index")}


def _shared(row: Peer, active: bool, since: list[tuple[datetime, int]]) -> int | None:
    """How many blocks its chain has in common with ours now, as far as can be told without asking
    again: what we left since then is not shared any more."""
    if active or row.shared is None or row.last_success_at is None:
        return row.length if active else row.shared
    cut = [fork for at, fork in since if at > row.last_success_at]
    return min([row.shared, *cut])


def _relation(row: Peer, tip: int, active: bool, shared: int | None) -> str:
    """One word for how it stands to us, or what the operator said of it."""
    standing = row.standing_at(timezone.now())
    if standing != Peer.Standing.ACTIVE:
        return standing
    if row.failure:
        return row.fault or Peer.Fault.UNREACHABLE
    if row.length is None:
        return "unasked"
    if active:
        return "agrees" if row.length == tip else "behind"
    if row.length > tip:
        return "ahead"
    return "forked" if shared is not None else "behind"
