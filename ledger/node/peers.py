"""The peers this node knows."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from ledger.models import Peer

from . import addresses, events
from .errors import NotAccepted, Overloaded


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


def register(new: Sequence[str], limit: int) -> list[str]:
    """Remember peers, in the transaction under way; answer with all that are known.

    Raises `Overloaded` when there would be more than `limit`; then none is taken.
    """
    known = known_addresses()
    fresh = [address for address in new if address not in known]
    if len(known) + len(fresh) > limit:
        raise Overloaded(f"this node keeps at most {limit} peers", retry_after=60)
    now = timezone.now()
    Peer.objects.bulk_create([Peer(address=address, registered_at=now) for address in fresh])
    events.record_all(events.PEER, [{"address": address} for address in fresh])
    return known + fresh


def known_addresses() -> list[str]:
    """All peers, in the order they were registered."""
    return list(Peer.objects.order_by("pk").values_list("address", flat=True))
