"""Peers: how each did, and what can be done about it. They change through acts alone."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ledger import faults, wording
from ledger.models import Peer
from ledger.node import overview
from ledger.queries import peers as queries
from ledger.words import WORDS

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
_BAN_IS_OVER: Final = Q(standing=Peer.Standing.BANNED, banned_until__lte=Now())
_BY_STANDING: Final = {
    "active": (_("active"), Q(standing=Peer.Standing.ACTIVE) | _BAN_IS_OVER),
    "paused": (_("paused"), Q(standing=Peer.Standing.PAUSED)),
    "banned": (_("banned"), Q(standing=Peer.Standing.BANNED) & ~_BAN_IS_OVER),
}
_BY_KIND: Final = {
    "ours": (_("chainsite"), Q(kind=Peer.Kind.OURS)),
    "old": (_("old nodes"), Q(kind=Peer.Kind.OLD)),
    "unknown": (_("not known yet"), Q(kind=Peer.Kind.UNKNOWN)),
}
_FAILS: Final = ~Q(failure="")
_BY_ANSWER: Final = {
    "answers": (_("it answers"), Q(failure="", last_success_at__isnull=False, alias_of="")),
    "unasked": (_("not asked yet"), Q(failure="", last_success_at__isnull=True, alias_of="")),
    "unreachable": (_("unreachable"), _FAILS & Q(fault__in=["", Peer.Fault.UNREACHABLE])),
    "network": (_("other network"), _FAILS & Q(fault=Peer.Fault.NETWORK)),
    "invalid": (_("invalid chain"), _FAILS & Q(fault=Peer.Fault.INVALID)),
    "marked": (_("marked invalid here"), _FAILS & Q(fault=Peer.Fault.MARKED)),
    "alias": (_("same node as another"), ~Q(alias_of="")),
    "misbehaved": (_("misbehaved lately"), Q(score__gt=0)),
}
_BY_SOURCE: Final = {
    name: (_(WORDS[f"source-{name}"]), Q(source=name)) for name in Peer.Source.values
}


def _standing(row: Peer) -> str:
    if row.standing != Peer.Standing.BANNED:
        return str(_STANDING[Peer.Standing(row.standing)])
    if row.banned_until is None:
        return gettext("banned for good")
    if row.banned_until <= timezone.now():
        return gettext("active (a ban has ended)")
    return gettext("banned until {time}").format(time=wording.absolute(row.banned_until))


def _relation(row: Peer) -> str:
    found = queries.described_one(row, overview.tip_index())
    return wording.related(found["relation"], found["difference"])


def _kind_words(row: Peer) -> SafeString | str:
    words = wording.kind_of_peer(row.kind, row.version) if row.kind else ""
    return showing.text(words)


def _same_node(row: Peer) -> SafeString | str:
    return (
        gettext("this node itself") if row.alias_of == Peer.ITSELF else showing.text(row.alias_of)
    )


def _knows_us(row: Peer) -> str:
    return gettext("yes") if row.knows_us else gettext("not yet")


def _score(row: Peer) -> str:
    score = round(row.score_at(timezone.now()), 1)
    return str(score) if score else showing.NOTHING


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
_failure = Column("failure", _("failed last"), lambda row: showing.text(faults.said(row.failure)))
_kind = Column("kind", _("kind"), _kind_words)
_shortly = Column(
    "failure", _("failed last"), lambda row: showing.shortened(faults.said(row.failure))
)
_source = Column("source", _("known from"), lambda row: wording.source_of_peer(row.source))
_misbehaviour = Column("score", _("misbehaviour score"), _score)
_again = _time("next_visit_at", _("asked again"))
_note = Column("note", _("note"), lambda row: showing.text(row.note))


@admin.register(Peer)
class Peers(ReadOnly):
    columns = (
        *(_address, _kind, _standing_column, _shortly, _misbehaviour, _answered),
        *(_length, _source, _note),
    )
    details = (
        _address,
        _standing_column,
        Column("ban_reason", _("reason of the ban"), lambda row: showing.text(row.ban_reason)),
        _note,
        _kind,
        Column("capabilities", _("it offers"), lambda row: showing.text(row.capabilities)),
        Column("identifier", _("identifier"), lambda row: showing.code(row.identifier)),
        Column("speaks", _("speaks"), lambda row: showing.text(faults.said(row.speaks))),
        Column("alias", _("same node as"), _same_node),
        Column("knows_us", _("knows this node"), _knows_us),
        _source,
        Column("relation", _("how its chain stands to ours"), _relation),
        _length,
        Column("tip", _("its tip"), lambda row: showing.code(row.tip_hash)),
        Column("shared", _("blocks in common"), lambda row: showing.number(row.shared)),
        _answered,
        _time("last_failure_at", _("failed at")),
        _failure,
        Column("failures", _("failures in a row"), lambda row: showing.number(row.failures)),
        _misbehaviour,
        _again,
        Column("latency", _("time until it answered"), _milliseconds),
        _time("registered_at", _("registered")),
    )
    search_fields = ("address",)
    search_help_text = _("An address or a part of it.")
    list_filter = (
        choice("standing", _("standing"), _BY_STANDING),
        choice("kind", _("kind"), _BY_KIND),
        choice("answer", _("how it did"), _BY_ANSWER),
        choice("source", _("known from"), _BY_SOURCE),
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
