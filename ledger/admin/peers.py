"""Peers: how each did, and what can be done about it. They change through acts alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ledger import wording
from ledger.models import Peer

from . import showing
from .acts import Offer, offer
from .operations import may_operate
from .reading import ReadOnly, choice
from .showing import Column

_STANDING = {
    Peer.Standing.ACTIVE: _("active"),
    Peer.Standing.PAUSED: _("paused"),
    Peer.Standing.BANNED: _("banned"),
}


def _standing(row: Peer) -> str:
    if row.standing != Peer.Standing.BANNED:
        return str(_STANDING[Peer.Standing(row.standing)])
    if row.banned_until is None:
        return gettext("banned for good")
    if row.banned_until <= timezone.now():
        return gettext("active (a ban has ended)")
    return gettext("banned until {time}").format(time=wording.absolute(row.banned_until))


def _milliseconds(row: Peer) -> str:
    if row.latency is None:
        return showing.NOTHING
    return gettext("{n} ms").format(n=wording.grouped(round(row.latency * 1000)))


def _time(name: str, label: Any) -> Column:
    def value(row: Peer) -> Any:
        moment = getattr(row, name)
        return showing.NOTHING if moment is None else showing.moment(moment)

    return Column(name, label, value)


_address = Column("address", _("address"), lambda row: showing.text(row.address))
_standing_column = Column("standing", _("standing"), _standing)
_length = Column("length", _("blocks"), lambda row: showing.number(row.length))
_answered = _time("last_success_at", _("answered last"))
_failure = Column("failure", _("failed last"), lambda row: showing.text(row.failure))
_note = Column("note", _("note"), lambda row: showing.text(row.note))


@admin.register(Peer)
class Peers(ReadOnly):
    columns = (_address, _standing_column, _length, _answered, _failure, _note)
    details = (
        _address,
        _standing_column,
        Column("ban_reason", _("reason of the ban"), lambda row: showing.text(row.ban_reason)),
        _note,
        _length,
        Column("tip", _("its tip"), lambda row: showing.code(row.tip_hash)),
        Column("shared", _("blocks in common"), lambda row: showing.number(row.shared)),
        _answered,
        _time("last_failure_at", _("failed at")),
        _failure,
        Column("latency", _("time until it answered"), _milliseconds),
        _time("registered_at", _("registered")),
    )
    search_fields = ("address",)
    search_help_text = _("An address or a part of it.")
    list_filter = (
        choice(
            "standing",
            _("standing"),
            {key.value: (words, Q(standing=key.value)) for key, words in _STANDING.items()},
        ),
    )

    def search(self, text: str) -> Q:
        return Q(address__icontains=text)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        offers = [offer("add-peer")] if may_operate(request) else []
        return super().changelist_view(request, {"offers": offers, **(extra_context or {})})

    def offers(self, request: HttpRequest, row: Peer) -> list[Offer]:
        if not may_operate(request):
            return []
        names = {
            Peer.Standing.ACTIVE.value: ("edit-peer", "pause-peer", "ban-peer", "remove-peer"),
            Peer.Standing.PAUSED.value: ("edit-peer", "resume-peer", "ban-peer", "remove-peer"),
            Peer.Standing.BANNED.value: ("edit-peer", "unban-peer", "ban-peer"),
        }
        return [offer(name, row) for name in names[row.standing]]
