"""Probes that any of the processes was shown."""

from __future__ import annotations

from typing import Final

from ledger.models import ShownToken

from . import clock

REMEMBERED: Final = 60.0  # seconds
_MOST: Final = 1024


def show(token: str) -> None:
    """In the transaction under way."""
    now = clock.now()
    ShownToken.objects.filter(at__lt=now - REMEMBERED).delete()
    newest = ShownToken.objects.order_by("-at").values_list("pk", flat=True)
    if over := list(newest[_MOST - 1 :]):
        ShownToken.objects.filter(pk__in=over).delete()
    ShownToken.objects.update_or_create(token=token, defaults={"at": now})


def saw(token: str) -> bool:
    return ShownToken.objects.filter(token=token, at__gte=clock.now() - REMEMBERED).exists()
