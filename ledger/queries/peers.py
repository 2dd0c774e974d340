"""Peers: what was learned of each when it was last asked, set against our chain as it is now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils import timezone

from ledger.models import Block, Peer, Reorganisation

_LOOKED_BACK: Final = 24  # reorganisations since, which may have cut below what was shared
_SHOWN: Final = 256

RELATIONS: Final = (
    *("agrees", "behind", "ahead", "forked", "unasked", "alias"),
    *("unreachable", "network", "invalid", "marked"),
    *("paused", "banned"),
)
"""How a peer can stand to us: by its chain, by its fault, or by the operator's word."""


@dataclass(frozen=True, slots=True)
class _Ours:
    """Our side, read once for all peers: the tip, which of the peers' tips we hold and whether they
    are active, and where reorganisations cut, newest first."""

    tip: int
    now: datetime
    known: dict[str, bool]
    cuts: list[tuple[datetime, int]]


def described(tip: int) -> list[dict[str, Any]]:
    """All peers, in the order they were registered. `tip` is the length of our chain."""
    rows = _rows()
    ours = _ours(rows, tip)
    return [_described(row, ours) for row in rows]


def described_one(row: Peer, tip: int) -> dict[str, Any]:
    """The same of one."""
    return _described(row, _ours([row], tip))


def summary(tip: int) -> dict[str, int]:
    """How many peers stand to us in which way."""
    rows = _rows()
    ours = _ours(rows, tip)
    return counted(_relation(row, ours) for row in rows)


def counted(relations: Iterable[str]) -> dict[str, int]:
    """How often each comes; every one of `RELATIONS` has its count."""
    return dict.fromkeys(RELATIONS, 0) | Counter(relations)


def worst_score() -> float:
    """The highest misbehaviour score that any peer has now; 0 if none misbehaved."""
    now = timezone.now()
    return max((row.score_at(now) for row in Peer.objects.filter(score__gt=0)), default=0.0)


def _rows() -> list[Peer]:
    return list(Peer.objects.order_by("pk")[:_SHOWN])


def _ours(rows: Sequence[Peer], tip: int) -> _Ours:
    cuts = Reorganisation.objects.order_by("-pk").values_list("at", "fork_index")[:_LOOKED_BACK]
    known = _known(row.tip_hash for row in rows if row.tip_hash)
    return _Ours(tip, timezone.now(), known, list(cuts))


def _known(hashes: Iterable[str]) -> dict[str, bool]:
    """Of the blocks that we hold, whether each is active."""
    rows = Block.objects.filter(hash__in=set(hashes))
    return {digest: bool(active) for digest, active in rows.values_list("hash", "active__index")}


def _described(row: Peer, ours: _Ours) -> dict[str, Any]:
    return {
        "id": row.pk,
        "address": row.address,
        "relation": _relation(row, ours),
        "kind": row.kind,
        "version": row.version,
        "capabilities": row.capabilities.split(),
        "identifier": row.identifier,
        "speaks": row.speaks,
        "alias_of": row.alias_of,
        "source": row.source,
        "knows_us": row.knows_us,
        "length": row.length,
        "tip": {"index": row.length, "hash": row.tip_hash} if row.tip_hash else None,
        "active": ours.known.get(row.tip_hash, False),
        "known": row.tip_hash in ours.known,
        "shared": _shared(row, ours),
        "difference": abs((row.length or 0) - ours.tip),
        "registered_at": row.registered_at.isoformat(),
        "last_success_at": _text(row.last_success_at),
        "last_failure_at": _text(row.last_failure_at),
        "failure": row.failure,
        "failures": row.failures,
        "latency": None if row.latency is None else round(row.latency, 3),
        "next_visit_at": _text(row.next_visit_at),
        "score": round(row.score_at(ours.now), 1),
        "banned_until": _text(row.banned_until),
        "ban_reason": row.ban_reason,
    }


def _text(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _shared(row: Peer, ours: _Ours) -> int | None:
    """How many blocks its chain has in common with ours now, as far as can be told without asking
    again: what we left since then is not shared any more."""
    active = ours.known.get(row.tip_hash, False)
    if active or row.shared is None or row.last_success_at is None:
        return row.length if active else row.shared
    cut = [fork for at, fork in ours.cuts if at > row.last_success_at]
    return min([row.shared, *cut])


def _relation(row: Peer, ours: _Ours) -> str:
    """One word for how it stands to us: one of `RELATIONS`."""
    standing = row.standing_at(ours.now)
    if standing != Peer.Standing.ACTIVE:
        return standing
    if row.alias_of:
        return "alias"
    if row.failure:
        return row.fault or Peer.Fault.UNREACHABLE
    if row.length is None:
        return "unasked"
    if ours.known.get(row.tip_hash, False):
        return "agrees" if row.length == ours.tip else "behind"
    if row.length > ours.tip:
        return "ahead"
    return "forked" if _shared(row, ours) is not None else "behind"
