"""Operations for the writer, and what became of them."""

from __future__ import annotations

from collections.abc import Callable

from django.utils import timezone

from ledger.models import Peer
from ledger.node.errors import NotAccepted


def register(address: str) -> str:
    """An operation that writes."""
    Peer.objects.create(address=address, registered_at=timezone.now())
    return address


def refuse(address: str) -> None:
    """One that writes and then fails."""
    register(address)
    raise NotAccepted(f"{address} was to fail")


def registered() -> list[str]:
    return list(Peer.objects.order_by("pk").values_list("address", flat=True))


def registering(number: int) -> Callable[[], str]:
    return lambda: register(f"peer {number}")
