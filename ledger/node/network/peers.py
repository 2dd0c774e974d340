"""The peers this node knows: who is asked, and the operator's word on each.

What writes here runs inside one database transaction, opened by the writer.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ledger.models import Peer

from .. import events
from ..errors import NotAccepted, Overloaded
from ..outcomes import PeerChanged
from . import addresses

Standing = Peer.Standing

_BY_THEMSELVES: Final = (
    Peer.Source.INTRODUCED,
    Peer.Source.EXCHANGED,
    Peer.Source.DISCOVERED,
)
_SILENT: Final = 3  # failures in a row
_AGED: Final = timedelta(days=1)

_NO_BAN: Final[dict[str, Any]] = {"banned_until": None, "ban_reason": ""}
_NOT_ASKED_YET: Final[dict[str, Any]] = {
    **{"last_success_at": None, "last_failure_at": None, "failure": "", "fault": ""},
    **{"length": None, "tip_hash": "", "shared": None, "latency": None},
    **{"kind": "", "version": "", "capabilities": "", "identifier": "", "speaks": ""},
    **{"alias_of": "", "knows_us": False, "failures": 0, "next_visit_at": None},
}


def parse_all(nodes: Sequence[object], policy: str) -> list[str]:
    """The addresses in a registration, each once. Raises `NotAccepted` with every fault."""
    parsed, faults = [], []
    for node in nodes:
        try:
            address = addresses.parse(node)
            addresses.check_literal(address, policy)
            parsed.append(address)
        except addresses.AddressRefused as refused:
            faults.append(str(refused))
    if faults:
        raise NotAccepted(*faults[:5])
    return list(dict.fromkeys(parsed))


def register(
    new: Sequence[str],
    limit: int,
    note: str = "",
    source: str = Peer.Source.REGISTERED,
) -> list[str]:
    """Remember peers, in the transaction under way; answer with all that are known.

    Where room is needed, peers that came by themselves and stopped answering make it. Raises
    `NotAccepted` where one is banned, and `Overloaded` when there would be more than `limit`; then
    none is taken.
    """
    _end_bans_that_are_over()
    banned = set(Peer.objects.filter(standing=Standing.BANNED).values_list("address", flat=True))
    if faults := [f"{address} is banned on this node" for address in new if address in banned]:
        raise NotAccepted(*faults[:5])
    known = known_addresses()
    fresh = [address for address in new if address not in known]
    if (excess := len(known) + len(fresh) - limit) > 0:
        given_up = _give_up(excess)
        if len(given_up) < excess:
            raise Overloaded(f"this node keeps at most {limit} peers", retry_after=60)
        known = [address for address in known if address not in given_up]
    now = timezone.now()
    Peer.objects.bulk_create(
        [Peer(address=address, registered_at=now, note=note, source=source) for address in fresh]
    )
    events.record_all(events.PEER, [{"address": address, "source": source} for address in fresh])
    return known + fresh


def _give_up(count: int) -> set[str]:
    """Forget up to so many peers that nobody named and that do not answer, the longest first."""
    rows = Peer.objects.filter(source__in=_BY_THEMSELVES, standing=Standing.ACTIVE)
    silent = rows.filter(failures__gte=_SILENT).order_by(F("last_success_at").asc(nulls_first=True))
    addresses_found = list(silent.values_list("address", flat=True)[:count])
    if len(addresses_found) < count:
        return set()
    Peer.objects.filter(address__in=addresses_found).delete()
    return set(addresses_found)


def forget_aged() -> int:
    """Forget peers that came by themselves and have been silent for a day; answer how many."""
    before = timezone.now() - _AGED
    rows = Peer.objects.filter(
        Q(last_success_at__isnull=True) | Q(last_success_at__lt=before),
        source__in=_BY_THEMSELVES,
        standing=Standing.ACTIVE,
        failures__gte=_SILENT,
        registered_at__lt=before,
    )
    return rows.delete()[0]


def known_addresses() -> list[str]:
    """All peers that are not banned, in the order they were registered."""
    return _addresses(Peer.objects.exclude(_banned()))


def active_addresses() -> list[str]:
    """Those that are to be asked."""
    return _addresses(asked_by_itself())


def asked_by_itself() -> QuerySet[Peer]:
    """Peers that are to be asked: neither banned nor paused, and each node once."""
    return Peer.objects.exclude(_banned()).exclude(standing=Standing.PAUSED).filter(alias_of="")


def _banned() -> Q:
    over = Q(banned_until__isnull=False, banned_until__lte=timezone.now())
    return Q(standing=Standing.BANNED) & ~over


def _addresses(rows: QuerySet[Peer]) -> list[str]:
    return list(rows.order_by("pk").values_list("address", flat=True))


def _end_bans_that_are_over() -> None:
    rows = Peer.objects.filter(standing=Standing.BANNED).exclude(_banned())
    rows.update(standing=Standing.ACTIVE, **_NO_BAN)


# --- the operator's acts, see `operator` ------------------------------------------------------


def add(address: str, note: str, limit: int) -> PeerChanged:
    if address in known_addresses():
        raise NotAccepted(f"{address} is known already")
    register([address], limit, note, Peer.Source.OPERATOR)
    return PeerChanged("added", address)


def edit(address: str, new_address: str | None, note: str | None) -> PeerChanged:
    peer = _find(address)
    changes: dict[str, Any] = {} if note is None else {"note": note}
    if new_address is not None and new_address != peer.address:
        if Peer.objects.filter(address=new_address).exists():
            raise NotAccepted(f"{new_address} is known already")
        changes |= {"address": new_address, **_NOT_ASKED_YET}
    if not changes:
        raise NotAccepted("there is nothing to change")
    return _change(peer, "edit-peer", "edited", **changes)


def pause(address: str) -> PeerChanged:
    peer = _find(address, Standing.ACTIVE, "is not active")
    return _change(peer, "pause-peer", "paused", standing=Standing.PAUSED)


def resume(address: str) -> PeerChanged:
    peer = _find(address, Standing.PAUSED, "is not paused")
    return _change(peer, "resume-peer", "resumed", standing=Standing.ACTIVE)


def ban(address: str, reason: str, until: datetime | None) -> PeerChanged:
    now = timezone.now()
    if until is not None and until <= now:
        raise NotAccepted("the time at which the ban ends is over")
    peer, _ = Peer.objects.get_or_create(address=address, defaults={"registered_at": now})
    ban = {"standing": Standing.BANNED, "banned_until": until, "ban_reason": reason}
    return _change(peer, "ban-peer", "banned", **ban)


def unban(address: str) -> PeerChanged:
    peer = _find(address, Standing.BANNED, "is not banned")
    return _change(peer, "unban-peer", "unbanned", standing=Standing.ACTIVE, **_NO_BAN)


def remove(address: str) -> PeerChanged:
    peer = _find(address)
    if peer.standing == Standing.BANNED:
        raise NotAccepted(f"{address} is banned: unban it first, if it shall be forgotten")
    peer.delete()
    events.record_act("remove-peer", address)
    return PeerChanged("removed", address)


def _find(address: str, standing: str = "", otherwise: str = "") -> Peer:
    """The peer, which has to be of a standing, if one is named."""
    _end_bans_that_are_over()
    peer = Peer.objects.filter(address=address).first()
    if peer is None:
        raise NotAccepted(f"there is no peer {address}")
    if standing and peer.standing != standing:
        raise NotAccepted(f"{address} {otherwise}")
    return peer


def _change(peer: Peer, act: str, done: str, **changes: Any) -> PeerChanged:
    Peer.objects.filter(pk=peer.pk).update(**changes)
    events.record_act(act, peer.address)
    address = changes.get("address", peer.address)
    return PeerChanged(done, address, changes.get("banned_until"))
