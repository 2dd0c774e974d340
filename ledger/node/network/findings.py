"""What asking a peer came to, and how it is written down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from ledger.consensus import Refused
from ledger.models import Block, Peer

from .. import events
from ..chainstate import Switch
from ..errors import MarkedInvalid
from . import health
from .pacing import PlaceTaken
from .recognition import Description

_LONGEST: int = 300


@dataclass(slots=True)
class Finding:
    """One peer, as it was found. `length` counts blocks that were judged, or that are ours too.

    `kind` is None where nobody looked for it. `fork_index` is the last block shared before the
    round, `switch` what adopting from it did, `own_host` the address of ours it was asked from.
    `pause` is the time until the next visit in seconds, None where there is none by itself;
    `again`, that not all could be fetched; `told`, up to which number its transactions were taken;
    `taken`, that it was not asked because another name of
    the same place is, and for how long.
    """

    address: str
    kind: str | None = None
    description: Description | None = None
    length: int | None = None
    tip_hash: str = ""
    fork_index: int = 0
    latency: float | None = None
    own_host: str = ""
    failure: str = ""
    fault: str = ""
    speaks: str = ""
    alias_of: str | None = None
    knows_us: bool | None = None
    switch: Switch | None = None
    pause: float | None = None
    again: bool = False
    told: int | None = None
    taken: float | None = None

    def refuse(self, error: Exception) -> None:
        """It failed, or what it sent is refused."""
        self.failure = str(error).replace("\0", "\ufffd")[:_LONGEST]  # PostgreSQL takes no NUL
        self.fault = _fault(error)
        self.taken = error.retry_after if isinstance(error, PlaceTaken) else None
        if isinstance(error, Refused) and error.network:
            self.speaks = error.network.removeprefix("speaks ").partition(";")[0]


def _fault(error: Exception) -> str:
    if isinstance(error, MarkedInvalid):
        return Peer.Fault.MARKED
    if not isinstance(error, Refused):
        return Peer.Fault.UNREACHABLE
    return Peer.Fault.NETWORK if error.network else Peer.Fault.INVALID


def note(findings: Iterable[Finding], switch: Switch | None = None) -> None:
    """Write down how each peer did, in the transaction under way. `switch` is the last change of
    our chain since they were asked."""
    now = timezone.now()
    for one in findings:
        peer = Peer.objects.filter(address=one.address).first()
        if peer is None:  # what a peer does that was just removed is no news
            continue
        changes = _recognised(one)
        if one.failure:
            changes |= _failed(one, peer, now)
        else:
            changes |= _answered(one, switch, now)
        Peer.objects.filter(pk=peer.pk).update(**changes)
        if one.failure and peer.failure != one.failure:  # the same news twice is no news
            events.record(events.REFUSAL, peer=one.address, reason=one.failure)


def _recognised(one: Finding) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if one.kind is not None:
        changes["kind"] = one.kind
        described = one.description
        changes["version"] = described.version if described else ""
        changes["capabilities"] = " ".join(described.capabilities) if described else ""
        changes["identifier"] = described.identifier if described else ""
    if one.speaks:
        changes["speaks"] = one.speaks[:200]
    if one.alias_of is not None:
        changes["alias_of"] = one.alias_of
    if one.knows_us is not None:
        changes["knows_us"] = one.knows_us
    if one.told is not None:
        changes["told"] = one.told
    if one.latency is not None:
        changes["latency"] = one.latency
    return changes


def _answered(one: Finding, switch: Switch | None, now: datetime) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "last_success_at": now,
        "failure": "",
        "fault": "",
        "failures": 0,
        "next_visit_at": _after(now, one.pause),
    }
    if one.length is not None:
        changes |= {"length": one.length, "tip_hash": one.tip_hash, "shared": _shared(one, switch)}
    return changes


def _failed(one: Finding, peer: Peer, now: datetime) -> dict[str, Any]:
    failures = peer.failures + 1
    changes: dict[str, Any] = {
        "last_failure_at": now,
        "failure": one.failure,
        "fault": one.fault,
        "failures": failures,
        "latency": one.latency,
    }
    if one.pause is not None:
        one.pause = health.pause_after(failures)
        changes["next_visit_at"] = _after(now, one.pause)
    weight = health.WEIGHTS.get(Peer.Fault(one.fault), 0.0)
    if weight:
        score = peer.score_at(now) + weight
        changes |= {"score": score, "scored_at": now}
        if score >= health.BANNED_AT and not health.is_protected(peer):
            changes |= _ban(one, now)
    return changes


def _ban(one: Finding, now: datetime) -> dict[str, Any]:
    reason = f"it misbehaved again and again, last: {one.failure}"[:_LONGEST]
    events.record(events.REFUSAL, peer=one.address, reason="it is banned for an hour")
    return {
        "standing": Peer.Standing.BANNED,
        "banned_until": now + health.BAN,
        "ban_reason": reason,
        "score": 0.0,
    }


def _after(now: datetime, pause: float | None) -> datetime | None:
    return None if pause is None else now + timedelta(seconds=pause)


def _shared(one: Finding, switch: Switch | None) -> int:
    """How many blocks its chain has in common with ours, as ours is after the round.

    It was compared with our chain before; what the switch took away is not shared now.
    """
    assert one.length is not None
    if Block.objects.filter(hash=one.tip_hash, active__isnull=False).exists():
        return one.length
    return one.fork_index if switch is None else min(one.fork_index, switch.fork_index)
