"""Reorganisations, events and the node itself."""

from __future__ import annotations

import json
from typing import Final

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ledger.models import Event, NodeIdentity, Reorganisation, ReorganisedTransaction
from ledger.node import events

from . import blocks, showing
from .reading import ReadOnly, choice
from .showing import Column

_EFFECTS: Final = {
    "returned": _("returned to the pool"),
    "confirmed": _("confirmed on the new branch"),
    "released": _("left to the node that acknowledged it"),
}
_at = Column("at", _("when"), lambda row: showing.moment(row.at))


@admin.register(Reorganisation)
class Reorganisations(ReadOnly):
    columns = (
        _at,
        Column("disconnected", _("left"), lambda row: showing.number(row.disconnected)),
        Column("connected", _("came"), lambda row: showing.number(row.connected)),
        Column("fork", _("fork point"), lambda row: showing.number(row.fork_index)),
        Column("old", _("tip before"), lambda row: blocks.link(row.old_tip)),
        Column("new", _("tip after"), lambda row: blocks.link(row.new_tip)),
        Column("source", _("source"), lambda row: showing.text(row.source)),
    )
    details = (
        *columns,
        Column(
            "transactions",
            _("transactions"),
            lambda row: showing.rows_link(
                ReorganisedTransaction, _("what it did to ours"), reorganisation__id__exact=row.pk
            ),
        ),
    )
    date_hierarchy = "at"
    indexed_lookups = frozenset({"id", "old_tip", "new_tip"})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reorganisation]:
        rows = super().get_queryset(request).select_related("old_tip", "new_tip")
        return rows.defer("old_tip__canonical", "new_tip__canonical")

    def view_on_site(self, obj: Reorganisation) -> str:
        return reverse("ledger:reorganisation", args=[obj.pk])


@admin.register(ReorganisedTransaction)
class ReorganisedTransactions(ReadOnly):
    columns = (
        Column("transaction", _("transaction"), lambda row: showing.row_link(row.transaction)),
        Column("effect", _("what was done"), lambda row: _EFFECTS[row.effect]),
        Column(
            "reorganisation", _("reorganisation"), lambda row: showing.row_link(row.reorganisation)
        ),
    )
    details = columns
    list_select_related = ("transaction", "reorganisation")
    indexed_lookups = frozenset({"id", "transaction", "reorganisation"})
    list_filter = (
        choice(
            "effect",
            _("what was done"),
            {effect: (words, Q(effect=effect)) for effect, words in _EFFECTS.items()},
        ),
    )


def _payload(row: Event) -> SafeString:
    """The JSON of an event, set out for reading."""
    try:
        laid_out = json.dumps(json.loads(row.payload), ensure_ascii=False, indent=1)
    except ValueError:
        laid_out = row.payload
    return format_html('<pre class="bytes" tabindex="0">{}</pre>', showing.lines(laid_out))


@admin.register(Event)
class Events(ReadOnly):
    columns = (
        Column("number", _("number"), lambda row: showing.number(row.pk)),
        Column("kind", _("kind"), lambda row: showing.text(row.kind)),
        _at,
        Column("payload", _("contents"), lambda row: showing.shortened(row.payload)),
    )
    details = (*columns[:3], Column("payload", _("contents"), _payload))
    date_hierarchy = "at"
    indexed_lookups = frozenset({"id"})
    search_fields = ("id",)
    search_help_text = _("The number of an event.")
    list_filter = (
        choice("kind", _("kind"), {kind: (kind, Q(kind=kind)) for kind in events.KINDS}),
    )

    def search(self, text: str) -> Q:
        return Q(pk=int(text)) if text.isdigit() and len(text) <= 18 else Q(pk__in=[])


@admin.register(NodeIdentity)
class Node(ReadOnly):
    columns = (
        Column("identifier", _("identifier"), lambda row: showing.text(row.identifier)),
        Column("dialect", _("dialect"), lambda row: row.dialect),
        Column("difficulty", _("difficulty"), lambda row: row.difficulty),
        Column("created", _("created"), lambda row: showing.moment(row.created_at)),
    )
    details = columns
